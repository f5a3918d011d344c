"""Records of Avro and Protobuf to columns at once: what the two share."""
