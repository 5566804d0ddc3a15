"""The parts of the simulated Sweden that `kolada.sample` puts together."""
