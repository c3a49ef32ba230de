"""The backbone against what the spec says in numbers, and where a mistake would be silent: masks, order, positions."""

import unittest

import torch

from moviegen_reference.dit import DiT, rows, timestep_embedding

SMALL = {
    "in_channels": 3, "hidden_size": 24, "num_layers": 2, "num_heads": 3, "ffn_hidden_size": 20, "max_grid": [2, 3, 3],
    "timestep_dim": 16, "text_dims": {"ul2": 5, "metaclip": 4, "byt5": 3},
}


def random_dit(**config) -> DiT:
    torch.manual_seed(0)
    dit = DiT(SMALL | config).double()
    with torch.no_grad():
        for p in dit.parameters():
            p.normal_(std=0.3)
    return dit.eval()


def text_of(lengths: dict[str, int], B: int = 1) -> tuple[dict, dict]:
    states = {e: torch.randn(B, L, SMALL["text_dims"][e]).double() for e, L in lengths.items()}
    return states, {e: torch.ones(B, L, dtype=torch.bool) for e, L in lengths.items()}


class Backbone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(torch.no_grad())

    def test_counts_of_30b(self):
        with torch.device("meta"):
            dit = DiT({})
        count = {name: p.numel() for name, p in dit.named_parameters()}
        core = sum(n for name, n in count.items() if any(part in name for part in ("attention.w", "feed_forward", "adaln.")))
        self.assertEqual(core, 29_217_558_528)
        self.assertEqual(sum(count.values()), 29_301_700_672)

    def test_padding_is_never_attended_to(self):
        dit, x, t = random_dit(), torch.randn(1, 3, 2, 4, 6).double(), torch.tensor([0.3])
        text, mask = text_of({"ul2": 4, "metaclip": 3, "byt5": 0})
        right = dit(x, t, text, mask)
        longer = {e: torch.cat([s, 100 * torch.ones(1, 2, s.shape[2]).double()], 1) for e, s in text.items()}
        padded = {e: torch.cat([m, torch.zeros(1, 2, dtype=torch.bool)], 1) for e, m in mask.items()}
        torch.testing.assert_close(dit(x, t, longer, padded), right)
        del text["byt5"], mask["byt5"]
        torch.testing.assert_close(dit(x, t, text, mask), right)

    def test_without_any_key_attention_gives_nothing(self):
        dit, x, t = random_dit(), torch.randn(2, 3, 1, 2, 2).double(), torch.tensor([0.3, 0.6])
        text, mask = text_of({"ul2": 3, "metaclip": 2, "byt5": 1}, B=2)
        for m in mask.values():
            m[1] = False
        empty = {e: s[:, :0] for e, s in text.items()}
        nothing = dit(x, t, empty, {e: m[:, :0] for e, m in mask.items()})
        torch.testing.assert_close(dit(x, t, text, mask)[1], nothing[1])

    def test_text_can_be_trained_without_any_key(self):
        dit, x, t = random_dit(), torch.randn(1, 3, 1, 2, 2).double(), torch.tensor([0.3])
        text, mask = text_of({"ul2": 3})
        with torch.enable_grad():
            dit(x, t, text, {"ul2": ~mask["ul2"]}).sum().backward()
        self.assertTrue(all(p.grad is None or p.grad.isfinite().all() for p in dit.parameters()))

    def test_samples_of_a_batch_do_not_meet(self):
        dit, x, t = random_dit(), torch.randn(2, 3, 2, 4, 4).double(), torch.tensor([0.1, 0.9])
        text, mask = text_of({"ul2": 3, "metaclip": 2, "byt5": 1}, B=2)
        both = dit(x, t, text, mask)
        for b in range(2):
            one = slice(b, b + 1)
            alone = dit(x[one], t[one], {e: s[one] for e, s in text.items()}, {e: m[one] for e, m in mask.items()})
            torch.testing.assert_close(both[one], alone)

    def test_output_order(self):
        """A token's 4C values are (1, 2, 2, C): the channel is the fastest."""
        dit = random_dit()
        tokens = torch.arange(2 * 12.0).view(1, 2, 12)                     # two tokens along w
        x = dit.unpatchify(tokens, (1, 1, 2))
        self.assertEqual(x[0, :, 0, 0, 0].tolist(), [0, 1, 2])
        self.assertEqual(x[0, 0, 0].tolist(), [[0, 3, 12, 15], [6, 9, 18, 21]])

    def test_positions(self):
        table = torch.tensor([[0.0], [10.0], [40.0]])
        self.assertEqual(rows(table, 2).flatten().tolist(), [0, 10])
        self.assertEqual(rows(table, 5).flatten().tolist(), [0, 5, 10, 25, 40])
        self.assertEqual(rows(table[:1], 3).flatten().tolist(), [0, 0, 0])

    def test_timestep_embedding(self):
        embedding = timestep_embedding(torch.tensor([0.5]), 256)[0]
        self.assertAlmostEqual(embedding[0].item(), torch.tensor(500.0).double().cos().item(), places=9)
        self.assertAlmostEqual(embedding[128].item(), torch.tensor(500.0).double().sin().item(), places=9)

    def test_a_new_model_is_the_identity_of_its_layers(self):
        dit = DiT(SMALL)
        text, mask = text_of({"ul2": 2})
        velocity = dit.double()(torch.randn(1, 3, 1, 4, 4).double(), torch.tensor([0.5]), text, mask)
        self.assertEqual(velocity.abs().max().item(), 0)

    def test_odd_latent(self):
        with self.assertRaisesRegex(ValueError, "latent H must be a multiple of 2, got 3"):
            random_dit()(torch.randn(1, 3, 1, 3, 4).double(), torch.tensor([0.5]), *text_of({"ul2": 1}))


if __name__ == "__main__":
    unittest.main()
