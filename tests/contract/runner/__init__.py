"""Programs that mean harm, and what the runner of real processes holds against them."""
