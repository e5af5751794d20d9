"""A program that means harm, run as if policy had let it through, against every set of layers."""
