"""The encoders behind the embedding layer, one file each: plain torch modules that can be lifted out."""
