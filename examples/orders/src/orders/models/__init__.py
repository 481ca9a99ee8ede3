"""What goes in and out, as callers see it."""
