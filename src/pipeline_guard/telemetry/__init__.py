"""What the product tells about its own work: metrics, and traces where they are switched on."""
