"""How strange channels are as a whole, from how strange each of them is; a file each."""
