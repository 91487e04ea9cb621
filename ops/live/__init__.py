"""The command `top`: samples a pipeline repeatedly and shows the figures."""
