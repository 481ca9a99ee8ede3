"""Docker's daemon: its API, and the containers, images and volumes of one session."""
