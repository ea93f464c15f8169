"""The only LightningModule: trains any network on every cutoff."""

import signal
from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from forecaster.errors import DataError
from forecaster.training import workers
from forecaster.training.clipping import Clipping
from forecaster.training.encoder_state import detached
from forecaster.training.schedule import Schedule
from forecaster.training.stretch import Stretch
from forecaster.training.trainable import Trainable

__all__ = ["TrainingModule"]

_CHECK_EVERY = 20
"""Steps between reads of the loss by the host: each read waits for the device."""


class TrainingModule(pl.LightningModule):
    """Loss over all cutoffs of a stretch, clipped gradients, a scheduled learning rate."""

    def __init__(
        self,
        network: Trainable,
        label: Callable[[int], str],
        *,
        lr: float,
        weight_decay: float,
        clipping: Clipping,
        schedule: Schedule,
        stream: bool = False,
    ) -> None:
        super().__init__()
        self.network, self.label = network, label
        self.lr, self.weight_decay = lr, weight_decay
        self.clipping, self.schedule = clipping, schedule
        self.stream = stream
        self.carried: Any = None
        """The encoder's state after the last stretch, if stretches continue each other."""

    def on_train_start(self) -> None:
        """Let SIGTERM end a worker at once: Lightning's handler would ask the others, which may wait for this one."""
        if workers.count() > 1:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def training_step(self, stretch: Stretch, index: int) -> Tensor:
        """Loss of one step."""
        state = self.carried if stretch.continues else None
        loss, after = self.network.carried_loss(stretch.batch, stretch.weight_BTH, state)
        self.carried = detached(after) if self.stream else None
        if index % _CHECK_EVERY == 0 and not torch.isfinite(loss):
            raise self._no_number(stretch)
        loss, of_all = self._weighed(loss, stretch)
        self.log("loss", of_all)
        return loss

    def _weighed(self, loss: Tensor, stretch: Stretch) -> tuple[Tensor, Tensor]:
        """The loss times this worker's share of the targets, as gradients are averaged, and the loss of all workers."""
        if workers.count() == 1:
            return loss, loss.detach()
        targets = (stretch.weight_BTH * self.network.unit_H).sum()
        in_all, of_all = workers.total(torch.stack([targets, targets * loss.detach()])).clamp(min=1e-12)
        return loss * (workers.count() * targets / in_all), of_all / in_all

    @torch.no_grad()
    def held_out_loss(self, held_out: Iterable[Stretch]) -> float | None:
        """Mean loss over the held-out targets; None if there are none.

        Raises: DataError if it is not a number
        """
        self.network.eval()
        total, targets = 0.0, 0.0
        for stretch in held_out:
            counted = float((stretch.weight_BTH * self.network.unit_H).sum())
            total += counted * float(self.network.loss(stretch.batch, stretch.weight_BTH))
            targets += counted
        total, targets = workers.total(torch.tensor([total, targets], dtype=torch.float64, device=self.device)).tolist()
        self.network.train()
        if total != total:
            raise _diverged()
        return total / targets if targets else None

    def configure_optimizers(self) -> Any:
        """AdamW and its learning-rate schedule."""
        fused = self.device.type in ("cpu", "cuda")
        optimizer = torch.optim.AdamW(self.parameters(), self.lr, weight_decay=self.weight_decay, fused=fused)
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, self.schedule.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clip by the global norm, and log the norm before clipping."""
        self.log("grad_norm", self.clipping.clip(self.parameters()))

    def on_train_end(self) -> None:
        """Check that the final weights are finite: if nothing is held out, no loss was read after the last steps."""
        if not all(bool(torch.isfinite(weight).all()) for weight in self.parameters()):
            raise _diverged()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add each worker's carried state to weights and optimiser."""
        checkpoint["schedule"] = (self.schedule.steps, self.schedule.eased)
        checkpoint["norms"] = self.clipping.norms
        checkpoint["carried"] = workers.gathered(detached(self.carried, torch.device("cpu")))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the carried state; it begins anew if there are more or fewer workers, as each then has other rows."""
        self.schedule.steps, self.schedule.eased = checkpoint["schedule"]
        self.clipping.norms = checkpoint["norms"]
        carried = checkpoint["carried"]
        self.carried = detached(carried[workers.number()], self.device) if len(carried) == workers.count() else None

    def transfer_batch_to_device(self, batch: Stretch, device: torch.device, _: int) -> Stretch:
        """Move a stretch to the device, unless the panel it was gathered from is already there."""
        return batch if batch.batch.y_BL.device == device else batch.to(device)

    def _no_number(self, stretch: Stretch) -> DataError:
        for row, series in enumerate(stretch.series_B.tolist()):
            one, label = stretch.rows(slice(row, row + 1)), self.label(series)
            if not torch.isfinite(self.network.loss(one.batch, one.weight_BTH)):
                return DataError(
                    f"series '{label}': the loss is not a number. Look for extreme values there, or leave it out."
                )
        return _diverged()


def _diverged() -> DataError:
    return DataError("the loss is not a number in any series. Try a lower learning rate: --set training.lr=0.001")
