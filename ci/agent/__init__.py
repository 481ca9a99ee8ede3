"""The one program that talks to registries and targets: requests in, outcomes out."""
