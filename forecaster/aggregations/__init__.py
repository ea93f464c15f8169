"""How strange the channels are together, from how strange each of them is; one definition a file."""
