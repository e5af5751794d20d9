"""The world: each module speaks one technology and knows no other adapter (but wire)."""
