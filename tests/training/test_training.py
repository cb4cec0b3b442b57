"""Training methods: their mathematics by hand, what receives gradients, and what their construction refuses."""

import math

import pytest
import torch
from torch import nn

from al_lightning.errors import UsageError
from al_lightning.networks import UNet, WideResNet
from al_lightning.networks.discriminator import Discriminator
from al_lightning.tasks import IGNORE, Classification, Segmentation
from al_lightning.training import S4GAN, UDA, Cosine, Supervised
from al_lightning.training.functional import (
    annealed_cross_entropy,
    annealed_threshold,
    consistency,
    feature_matching,
    ranking_hinge,
    real_map,
    self_training,
)
from al_lightning.types import Batch
from tests.support.runs import TINY

KEY = (0, 0, 0)


def logits_of(*rows):
    """Logits whose softmax are these rows."""
    return torch.tensor(rows).log()


def test_ranking_hinge_by_hand():
    # Pairs (0, 3) and (1, 2). First: loss 2 > 1, predicted 0.5 - 0.2 = 0.3, hinge 1 - 0.3 = 0.7.
    # Second: loss 0 < 3, predicted 1 - 0.4 = 0.6, hinge 1 + 0.6 = 1.6. Mean 1.15.
    predicted = torch.tensor([0.5, 1.0, 0.4, 0.2], requires_grad=True)
    loss = torch.tensor([2.0, 0.0, 3.0, 1.0], requires_grad=True)
    value = ranking_hinge(predicted, loss)
    assert value.item() == pytest.approx(1.15)
    value.backward()
    assert predicted.grad.tolist() == pytest.approx([-0.5, 0.5, -0.5, 0.5])
    assert loss.grad is None


def test_ranking_hinge_is_zero_beyond_the_margin_and_counts_equal_losses_as_lower():
    assert ranking_hinge(torch.tensor([3.0, 1.0]), torch.tensor([2.0, 1.0])).item() == 0
    assert ranking_hinge(torch.tensor([3.0, 1.0]), torch.tensor([2.0, 1.0]), margin=2.5).item() == pytest.approx(0.5)
    assert ranking_hinge(torch.tensor([0.25, 0.0]), torch.tensor([1.0, 1.0])).item() == pytest.approx(1.25)


@pytest.mark.parametrize("count", [1, 3])
def test_ranking_hinge_leaves_out_the_middle_of_an_odd_batch(count):
    predicted = torch.zeros(count, requires_grad=True)
    value = ranking_hinge(predicted, torch.arange(float(count)))
    value.backward()
    assert value.item() == (0 if count == 1 else 1)
    assert predicted.grad[count // 2] == 0


def test_consistency_by_hand():
    # First original: 0.8 > 0.6 counts; sharpened at T = 0.5 its probabilities are 0.64 : 0.04, 16/17 and 1/17.
    # Second: 0.6 is not above 0.6 and counts as 0 in the mean over both.
    original = logits_of([0.8, 0.2], [0.6, 0.4]).requires_grad_()
    augmented = logits_of([0.5, 0.5], [0.1, 0.9]).requires_grad_()
    loss, share = consistency(original, augmented, 0.5, 0.6)
    expected = (16 / 17 * math.log(16 / 17 / 0.5) + 1 / 17 * math.log(1 / 17 / 0.5)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert share.item() == 0.5
    loss.backward()
    assert original.grad is None
    # d KL / d logits = softmax - target, over two images.
    assert augmented.grad[0].tolist() == pytest.approx([(0.5 - 16 / 17) / 2, (0.5 - 1 / 17) / 2], rel=1e-4)
    assert augmented.grad[1].tolist() == [0, 0]


def test_annealed_thresholds_by_hand():
    assert [annealed_threshold(t, 10, "linear") for t in (0, 0.5, 1)] == pytest.approx([0.1, 0.55, 1])
    assert annealed_threshold(0.5, 10, "log") == pytest.approx((1 - math.exp(-2.5)) * 0.9 + 0.1)
    assert annealed_threshold(0.5, 10, "exp") == pytest.approx(math.exp(-2.5) * 0.9 + 0.1)


def test_annealed_cross_entropy_leaves_out_what_is_right_already():
    logits, label = logits_of([0.9, 0.1], [0.3, 0.7]), torch.tensor([0, 0])
    assert annealed_cross_entropy(logits, label, 0.5).item() == pytest.approx(-math.log(0.3))
    assert annealed_cross_entropy(logits, label, 1.0).item() == pytest.approx(-(math.log(0.3) + math.log(0.9)) / 2)
    assert annealed_cross_entropy(logits, label, 0.2).item() == 0


def test_feature_matching_by_hand():
    assert feature_matching(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([0.0, 2.5, 0.0])).item() == pytest.approx(0.5)


def test_self_training_by_hand():
    # Two images of one row of two pixels; the first is above the threshold, its second pixel is padding.
    logits = logits_of([0.8, 0.2], [0.5, 0.5]).T.reshape(1, 2, 1, 2).repeat(2, 1, 1, 1).requires_grad_()
    label = torch.tensor([[[0, IGNORE]], [[0, 0]]])
    total, count = self_training(logits, torch.tensor([0.7, 0.6]), 0.6, label, IGNORE)
    assert total.item() == pytest.approx(-math.log(0.8))
    assert count.item() == 1
    total, count = self_training(logits, torch.tensor([0.1, 0.2]), 0.6, label, IGNORE)
    assert (total.item(), count.item()) == (0, 0)
    total.backward()  # a process without such an image takes part all the same
    assert not logits.grad.any()


def test_a_real_map_shows_the_prediction_where_labels_are_ignored():
    label = torch.tensor([[[1, IGNORE]]])
    prediction = torch.tensor([[[[0.2, 0.3]], [[0.8, 0.7]]]], requires_grad=True)
    shown = real_map(label, prediction, IGNORE)
    assert shown[0, :, 0, 0].tolist() == [0, 1]
    assert shown[0, :, 0, 1].tolist() == pytest.approx([0.3, 0.7])
    assert torch.allclose(shown.sum(dim=1), torch.ones(1, 1, 2))  # as a prediction does
    assert not shown.requires_grad


@pytest.mark.parametrize(("classes", "parameters"), [(19, 2_776_513), (21, 2_778_561)])
def test_discriminator_has_the_published_size_and_one_answer_per_image(classes, parameters):
    discriminator = Discriminator(classes)
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == parameters
    judged = discriminator.eval()(torch.rand(2, classes, 64, 128), torch.rand(2, 3, 64, 128))
    assert judged.feature.shape == (2, 512)
    assert judged.logit.shape == (2,)


def test_discriminator_drops_whole_channels_and_only_in_training():
    discriminator = Discriminator(2)
    inputs = torch.rand(1, 2, 32, 32), torch.rand(1, 3, 32, 32)
    assert not torch.equal(discriminator(*inputs).feature, discriminator(*inputs).feature)
    discriminator.eval()
    assert torch.equal(discriminator(*inputs).feature, discriminator(*inputs).feature)


class OneProcess:
    """What of a Trainer the losses ask for."""

    world_size = 1


def batch_of(images, labels):
    return Batch(images, labels, torch.arange(len(images)))


def uda(**options):
    torch.manual_seed(0)
    return UDA(WideResNet(3, 10, 1), Classification(3), 10, KEY, **options)


def uda_batch(count=4, unlabelled=6):
    draw = torch.Generator().manual_seed(1)
    image = torch.randn(count + 2 * unlabelled, 3, 8, 8, generator=draw)
    nothing = torch.full((unlabelled,), IGNORE)
    parts = image.split([count, unlabelled, unlabelled])
    return {
        "labelled": batch_of(parts[0], torch.arange(count) % 3),
        "original": batch_of(parts[1], nothing),
        "augmented": batch_of(parts[2], nothing),
    }


def test_uda_runs_the_network_once_over_all_images():
    module, calls = uda(threshold=0.0), []
    module.network.register_forward_hook(lambda network, inputs, output: calls.append(inputs[0].shape[0]))
    terms = module.losses(uda_batch())
    assert calls == [16]
    assert set(terms) == {"loss", "consistency"}
    assert module.shown["share_confident"].item() == 1
    # The same by its parts: one batch, so that BatchNorm saw all of it.
    batch = uda_batch()
    logits = uda().network(torch.cat([part.image for part in batch.values()])).logits.split([4, 6, 6])
    assert terms["loss"].item() == pytest.approx(nn.functional.cross_entropy(logits[0], batch["labelled"].label).item())
    assert terms["consistency"].item() == pytest.approx(consistency(logits[1], logits[2], 0.5, 0.0)[0].item())


def test_uda_with_nothing_confident_trains_on_labels_alone():
    module = uda(threshold=0.999)
    terms = module.losses(uda_batch())
    assert terms["consistency"].item() == 0
    assert terms["loss"].item() > 0


def test_uda_weight_and_annealing_do_what_they_say():
    terms, twice = (uda(threshold=0.0, weight=weight).losses(uda_batch()) for weight in (1.0, 2.0))
    assert twice["consistency"].item() == pytest.approx(2 * terms["consistency"].item())
    module = uda(annealing="exp")  # at step 0 hardly more than 1 / 3: images that are right by chance drop out
    logits = uda().network(torch.cat([part.image for part in uda_batch().values()])).logits[:4]
    expected = annealed_cross_entropy(logits, uda_batch()["labelled"].label, annealed_threshold(0, 3, "exp"))
    assert module.losses(uda_batch())["loss"].item() == pytest.approx(expected.item())


def test_uda_average_follows_the_weights_and_takes_their_place_at_the_end(monkeypatch):
    module = uda(ema=0.75)
    monkeypatch.setattr(UDA, "_flush", lambda self: None)
    weight = module.network.classifier.weight
    with torch.no_grad():
        module.average.classifier.weight.fill_(1.0)
        weight.fill_(5.0)
    module.on_train_batch_end(None, {}, 0)
    assert torch.equal(module.average.classifier.weight, torch.full_like(weight, 2.0))
    assert torch.equal(weight, torch.full_like(weight, 5.0))
    module.step = module.steps
    module.on_train_batch_end(None, {}, 0)
    assert torch.equal(weight, torch.full_like(weight, 2.75))
    assert not any(parameter.requires_grad for parameter in module.average.parameters())


def s4gan(**options):
    torch.manual_seed(0)
    return S4GAN(UNet(3, 4), Segmentation(3), 10, KEY, **options)


def s4gan_batch():
    draw = torch.Generator().manual_seed(1)
    images = torch.randn(2, 2, 3, 32, 32, generator=draw)
    labels = torch.randint(0, 3, (2, 32, 32), generator=draw, dtype=torch.uint8)
    labels[:, :3] = IGNORE
    return {"labelled": batch_of(images[0], labels), "unlabelled": batch_of(images[1], torch.zeros_like(labels))}


def test_s4gan_terms_have_their_weights(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    one, other = (
        s4gan(gamma=0.0, **options).losses(s4gan_batch())
        for options in ({}, {"matching_weight": 0.4, "self_training_weight": 3.0})
    )
    assert set(one) == {"loss", "feature_matching", "self_training"}
    assert other["loss"].item() == one["loss"].item()
    assert other["feature_matching"].item() == pytest.approx(4 * one["feature_matching"].item())
    assert other["self_training"].item() == pytest.approx(3 * one["self_training"].item())
    assert one["self_training"].item() > 0


def test_s4gan_below_the_threshold_trains_nothing_towards_itself(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    terms = s4gan(gamma=1.0).losses(s4gan_batch())
    assert terms["self_training"].item() == 0
    assert terms["self_training"].requires_grad


def test_s4gan_discriminator_sees_one_scaling_of_both_sides_and_no_gradient_leaves_its_turn(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    module = s4gan()
    batch = s4gan_batch()
    batch["unlabelled"] = batch["unlabelled"]._replace(image=3 * batch["unlabelled"].image)
    module.losses(batch)
    both = torch.cat([batch["labelled"].image, batch["unlabelled"].image])
    low, high = both.min(), both.max()
    assert torch.allclose(module._real[1], (batch["labelled"].image - low) / (high - low))
    assert torch.allclose(module._fake[1], (batch["unlabelled"].image - low) / (high - low))
    assert torch.allclose(module._real[0].sum(dim=1), torch.ones(2, 32, 32))
    module.zero_grad()
    module.discriminator_loss().backward()
    assert all(parameter.grad is None for parameter in module.network.parameters())
    assert all(parameter.grad is not None for parameter in module.discriminator.parameters())


def test_s4gan_discriminator_loss_by_hand(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    module = s4gan()
    module.losses(s4gan_batch())
    with torch.no_grad():
        module.discriminator.classifier.weight.zero_()
        module.discriminator.classifier.bias.fill_(math.log(3))  # probability 3/4 for all
    expected = -(math.log(1 / 4) + math.log(3 / 4)) / 2
    assert module.discriminator_loss().item() == pytest.approx(expected, rel=1e-5)


def test_supervised_trains_a_loss_predictor_and_stops_its_gradient_in_time():
    torch.manual_seed(0)
    network = WideResNet(3, 10, 1, loss_predictor=True)
    module = Supervised(network, Classification(3), 10, KEY, prediction_weight=0.5)
    labelled = uda_batch()["labelled"]
    terms = module.losses({"labelled": labelled})
    assert set(terms) == {"loss", "loss_prediction"}
    module.zero_grad()
    terms["loss_prediction"].backward(retain_graph=True)
    assert network.stem.weight.grad.abs().sum() > 0
    assert network.classifier.weight.grad is None  # the losses that are ranked receive none
    for step, stopped in ((5, False), (6, True)):
        module.step = step
        module.on_train_batch_start({}, 0)
        assert network.loss_predictor.stop_gradient is stopped
    module.zero_grad()
    module.losses({"labelled": labelled})["loss_prediction"].backward()
    assert network.stem.weight.grad is None
    assert network.loss_predictor.join.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UDA(UNet(3, 4), Segmentation(3), 1, KEY), "UDA trains for a class per image.*S4GAN, Supervised"),
        (
            lambda: S4GAN(WideResNet(3, 10, 1), Classification(3), 1, KEY),
            "S4GAN trains for a class per pixel.*UDA",
        ),
        (lambda: uda(temperature=0), "training.temperature is 0"),
        (lambda: uda(threshold=1.0), "training.threshold is 1.0"),
        (lambda: uda(ema=1.0), "training.ema is 1.0"),
        (lambda: uda(warm_up=-1), "training.warm_up is -1; it must be at least 0"),
        (lambda: uda(prediction_stop=1.5), "training.prediction_stop is 1.5; it must be at most 1"),
        (lambda: s4gan(gamma=1.5), "training.gamma is 1.5"),
        (lambda: s4gan(discriminator_lr=0), "training.discriminator_lr is 0"),
    ],
)
def test_construction_refuses_with_a_sentence(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_warm_up_rises_on_top_of_the_schedule():
    module = Supervised(WideResNet(3, 10, 1), Classification(3), 100, KEY, schedule=Cosine(), warm_up=4)
    assert [module.rate(step) for step in (0, 1, 3)] == pytest.approx([0.25, 0.5 * Cosine()(0.01), Cosine()(0.03)])
    assert Supervised(WideResNet(3, 10, 1), Classification(3), 100, KEY).rate(0) == 1


class TwoProcesses:
    """What of a Trainer the losses ask for, on one of two processes."""

    world_size = 2


def on_two(monkeypatch, others):
    """Let an all-reduce meet what the other process would bring, in the order of the calls."""
    monkeypatch.setattr(S4GAN, "trainer", TwoProcesses())

    def all_reduce(value, op=torch.distributed.ReduceOp.SUM):
        other = others.pop(0)
        value.copy_(torch.maximum(value, other) if op == torch.distributed.ReduceOp.MAX else value + other)

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)


def test_means_and_ranges_are_over_all_processes_and_so_are_their_gradients(monkeypatch):
    halves = torch.tensor([[1.0, 2.0], [5.0, -4.0]]).requires_grad_()  # one image a process, two features
    target = torch.tensor([0.5, 1.5])
    (halves.mean(dim=0) - target).abs().mean().backward()
    expected, halves.grad = halves.grad.clone(), None
    module = s4gan()
    for process in (0, 1):
        on_two(monkeypatch, [halves[1 - process].detach()])
        mean = module._mean(halves[process : process + 1])
        assert torch.allclose(mean, torch.tensor([3.0, -1.0]))
        (feature_matching(target, mean) / 2).backward()  # DDP averages over processes
    assert torch.allclose(halves.grad, expected)
    on_two(monkeypatch, [torch.tensor([7.0, 2.0])])  # the other one's lowest is -7, its highest 2
    low, high = module._range(torch.tensor([-3.0, 4.0]), torch.tensor([0.0, 1.0]))
    assert (low.item(), high.item()) == (-7, 4)


def test_self_training_is_the_mean_over_the_pixels_of_all_processes(monkeypatch):
    batch = s4gan_batch()
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    alone = s4gan(gamma=0.0).losses(batch)["self_training"].item()
    count = torch.tensor(2 * 32 * 32)
    ends, feature = torch.full((2,), -100.0), torch.zeros(512)
    on_two(monkeypatch, [ends, feature, feature, 3 * count])  # the other process has three times as many pixels
    here = s4gan(gamma=0.0).losses(batch)["self_training"].item()
    # Its own sum over a quarter of the pixels, times two processes, of which DDP takes the mean.
    assert here == pytest.approx(alone * 2 / 4, rel=1e-4)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_s4gan_takes_turns_and_neither_receives_the_others_gradient(al, here, masks, monkeypatch, precision):
    seen = []
    real = S4GAN.manual_backward

    def watch(self, loss, *arguments, **options):
        real(self, loss, *arguments, **options)
        parts = (self.network, self.discriminator)
        seen.append([any(p.grad is not None and bool(p.grad.any()) for p in part.parameters()) for part in parts])
        assert torch.isfinite(loss)

    monkeypatch.setattr(S4GAN, "manual_backward", watch)
    before = {}

    def start(self):
        before.update({name: value.clone() for name, value in self.discriminator.state_dict().items()})

    monkeypatch.setattr(S4GAN, "on_train_start", start)

    def end(self):
        before["moved"] = [not torch.equal(before[n], v.cpu()) for n, v in self.discriminator.state_dict().items()]
        before["rates"] = self._rates()

    monkeypatch.setattr(S4GAN, "on_train_end", end)
    answer = al(
        *("fit", "--config", "mask_folder_unet_random_s4gan", "--data.root", masks, "--data.classes", "[ground, box]"),
        *("--network.width", 4, "--training.head_lr_factor", 1, *TINY, "--data.batch_size", 4, "--steps", 4),
        *("--budget.cycles", 0, "--trainer.precision", precision, "--run_dir", "r"),
    )
    assert answer.code == 0, answer.err
    assert seen == [[True, False], [True, True]] * 4  # the network's gradients wait while the other has its turn
    assert all(before["moved"])
    assert max(before["rates"]) == 0  # both schedules, poly, have arrived


def test_s4gan_reports_a_loss_that_is_not_finite(al, here, masks, monkeypatch):
    monkeypatch.setattr(
        S4GAN,
        "discriminator_loss",
        lambda self: self._fake[0].sum() * self.discriminator(*self._fake).logit.sum() * float("nan"),
    )
    answer = al(
        *("fit", "--config", "mask_folder_unet_random_s4gan", "--data.root", masks, "--data.classes", "[ground, box]"),
        *("--network.width", 4, "--training.head_lr_factor", 1, *TINY, "--data.batch_size", 4, "--steps", 4),
        *("--budget.cycles", 0, "--run_dir", "r"),
    )
    assert answer.code == 1
    assert "The loss became NaN or infinite at step 0" in answer.err
