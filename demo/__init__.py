"""`make demo`: the product at work in a network that exists for as long as the demo."""
