"""The engine: tensors, devices, seeded modules and the one training loop. It knows no estimator."""
