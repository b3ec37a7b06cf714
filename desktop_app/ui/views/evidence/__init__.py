"""The Evidence page: two pictures side by side, what joins them, and marks on both."""
