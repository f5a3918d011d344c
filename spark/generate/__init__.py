"""The pipeline as a Spark job: a text generator, which knows declarations and the table of the contract alone."""
