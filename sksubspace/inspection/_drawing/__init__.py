"""What displays draw with: style, labels, points, regions, rows beside each other, and scores."""
