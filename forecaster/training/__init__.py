"""One LightningModule, its fit and its artefact."""
