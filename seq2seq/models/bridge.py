"""The bridge between encoder and decoder."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import CellState
from seq2seq.models.rnn import StackState


class Bridge(nn.Module):
    """The encoder's final states -> the decoder's initial ones, where numbers or sizes differ.

    The top decoder layer starts from the top encoder layer, the next from the next, and so on; the
    lowest ones all start from the lowest encoder layer if the encoder has fewer. A state that has
    the right size already is handed over as it is. Else it goes through a linear map, followed by
    tanh for hidden states (Cho et al. 2014, appendix A.1.2); the memory cell of an LSTM is not
    bounded by 1, and gets no tanh.

    Args:
        source_sizes: width of each encoder layer, lowest first.
        target_sizes: width of each decoder layer, lowest first.
        state_tensors: tensors in the state of a cell.
    """

    def __init__(
        self, source_sizes: Sequence[int], target_sizes: Sequence[int], state_tensors: int
    ) -> None:
        super().__init__()
        self.state_tensors = state_tensors
        more = len(source_sizes) - len(target_sizes)
        self.origins = tuple(max(0, layer + more) for layer in range(len(target_sizes)))
        self.maps = nn.ModuleList(
            nn.ModuleList(
                self.make_map(source_sizes[origin], size, bounded=index == 0)
                for index in range(state_tensors)
            )
            for origin, size in zip(self.origins, target_sizes, strict=True)
        )

    @staticmethod
    def make_map(source_size: int, target_size: int, *, bounded: bool) -> nn.Module:
        """Returns the map of one tensor of a state; a hidden state is bounded."""
        if source_size == target_size:
            return nn.Identity()
        linear = nn.Linear(source_size, target_size)
        return nn.Sequential(linear, nn.Tanh()) if bounded else linear

    def forward(self, context: StackState) -> tuple[CellState, ...]:
        """Maps the encoder's final states to an initial state for each decoder layer.

        Raises:
            SettingsError: they have another number of tensors.
        """
        given = {len(layer) for layer in context.layers}
        if given != {self.state_tensors}:
            raise SettingsError(
                f"the bridge has state_tensors={self.state_tensors}, and the encoder's cells have "
                f"states of {max(given)}: a cell says how many, as its `state_tensors`"
            )
        layers = []
        for origin, maps in zip(self.origins, self.maps, strict=True):
            assert isinstance(maps, nn.ModuleList)
            pairs = zip(maps, context.layers[origin], strict=True)
            layers.append(tuple(convert(values) for convert, values in pairs))
        return tuple(layers)
