"""The words of the product as plain, frozen types; nothing here reaches outside the process."""
