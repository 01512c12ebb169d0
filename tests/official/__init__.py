"""The official TM Forum documents, served by Prism, which answers as an OpenAPI document says."""
