"""The flow against the spec's golden values, and its solvers against an equation whose solution is known."""

import math
import unittest

import torch

from moviegen_reference import flow

MEAN, SPREAD = 0.7, 0.3


def spread(t: float) -> float:
    return math.sqrt((t * SPREAD) ** 2 + (1 - (1 - flow.SIGMA_MIN) * t) ** 2)


def exact_velocity(x, t):
    """Data N(MEAN, SPREAD^2): the marginal velocity, under which x(t) = t MEAN + spread(t) x(0)."""
    s = 1 - flow.SIGMA_MIN
    slope = (t * SPREAD**2 - s * (1 - s * t)) / spread(t)
    return MEAN + slope / spread(t) * (x - t * MEAN)


class Path(unittest.TestCase):
    def test_velocity_is_the_derivative_of_the_path(self):
        x0, x1 = torch.randn(2, 3, 5, dtype=torch.float64), torch.randn(2, 3, 5, dtype=torch.float64)
        t, h = torch.tensor([0.2, 0.9], dtype=torch.float64), 1e-4
        slope = (flow.path(x1, x0, t + h) - flow.path(x1, x0, t - h)) / (2 * h)
        torch.testing.assert_close(slope, flow.path_velocity(x1, x0), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(flow.path(x1, x0, torch.ones(2)), x1 + 1e-5 * x0)
        self.assertEqual(flow.flow_matching_loss(flow.path_velocity(x1, x0), x1, x0).item(), 0)


class Schedules(unittest.TestCase):
    def test_golden_values(self):
        at = [25, 26, 30, 40, 49, 50]
        for n, golden in [
            (250, [0.1, 0.10528, 0.152, 0.448, 0.93328, 1]),
            (1000, [0.025, 0.02752, 0.068, 0.382, 0.92452, 1]),
        ]:
            times = flow.linear_quadratic_schedule(50, n)
            for i, value in zip(at, golden):
                self.assertAlmostEqual(times[i], value, places=12)

    def test_small_ones(self):
        self.assertEqual(flow.linear_quadratic_schedule(1), [0, 1])
        for steps in range(1, 60):
            times = flow.linear_quadratic_schedule(steps, 60)
            self.assertEqual((len(times), times[0], times[-1]), (steps + 1, 0, 1))
            self.assertTrue(all(a < b for a, b in zip(times, times[1:])), times)
        for steps, n in [(0, 250), (50, 49), (5, 10.5)]:
            with self.assertRaises(ValueError):
                flow.linear_quadratic_schedule(steps, n)
        for i, t in enumerate(flow.linear_quadratic_schedule(50, 50)):
            self.assertAlmostEqual(t, i / 50, places=12)


class Solvers(unittest.TestCase):
    x0 = torch.linspace(-3, 3, 64, dtype=torch.float64)
    exact = MEAN + spread(1.0) * x0

    def test_fixed_steps_reach_the_exact_solution(self):
        for method, within in [("euler", 0.02), ("midpoint", 1e-5), ("heun", 1e-3)]:
            result = flow.solve(exact_velocity, self.x0, flow.linear_schedule(200), method)
            self.assertLess((result - self.exact).abs().max().item(), within, method)

    def test_orders(self):
        def error(method, steps):
            x = torch.ones(1, dtype=torch.float64)
            result = flow.solve(lambda x, t: math.cos(t) * x, x, flow.linear_schedule(steps), method)
            return (result - math.exp(math.sin(1))).abs().item()

        for method, order in [("euler", 1), ("midpoint", 2), ("heun", 2)]:
            self.assertAlmostEqual(math.log2(error(method, 100) / error(method, 200)), order, delta=0.05, msg=method)

    def test_dopri5_on_the_exact_solution(self):
        calls, taken = [], []

        def counted(x, t):
            calls.append(t)
            return exact_velocity(x, t)

        result = flow.dopri5(counted, self.x0, on_step=lambda t, x: taken.append(t))
        self.assertLess((result - self.exact).abs().max().item(), 1e-4)
        self.assertLess(len(calls), 150)
        self.assertEqual(taken[-1], 1)
        close = flow.dopri5(exact_velocity, self.x0, rtol=1e-9, atol=1e-9)
        self.assertLess((close - self.exact).abs().max().item(), 1e-8)

    def test_dopri5_has_order_five(self):
        def one_step(h):
            x, k = torch.tensor([1.0], dtype=torch.float64), []
            for node, row in zip(flow.NODES, flow.STAGES):
                y = x + h * flow.weighted(k, row) if k else x
                k.append(torch.cos(torch.tensor(node * h)) * y)
            return (y - math.exp(math.sin(h))).abs().item()

        self.assertAlmostEqual(math.log2(one_step(0.4) / one_step(0.2)), 6, delta=0.6)

    def test_dopri5_chooses_the_steps_that_scipy_chooses(self):
        # solve_ivp(exact_velocity, (0, 1), x0, "RK45", rtol=1e-5, atol=1e-5).t of scipy 1.17
        golden = [0.0431156068, 0.3775186408, 0.6238351913, 0.7961772473, 0.9685193033, 1.0]
        times = []
        flow.dopri5(exact_velocity, self.x0, on_step=lambda t, x: times.append(t))
        self.assertEqual(len(times), len(golden))
        for ours, theirs in zip(times, golden):
            self.assertAlmostEqual(ours, theirs, places=9)

    def test_not_finite(self):
        with self.assertRaises(ArithmeticError):
            flow.dopri5(lambda x, t: x * float("nan"), self.x0)


class Guidance(unittest.TestCase):
    def test_scale(self):
        u = flow.guided(lambda x, t: x + 1, lambda x, t: x, 7.5)
        torch.testing.assert_close(u(torch.zeros(2), 0.5), torch.full((2,), 7.5))


if __name__ == "__main__":
    unittest.main()
