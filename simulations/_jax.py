"""JAX in double precision: whatever uses JAX takes it from here, so that the switch is thrown once and first."""

import jax

jax.config.update("jax_enable_x64", True)

__all__ = ["jax"]
