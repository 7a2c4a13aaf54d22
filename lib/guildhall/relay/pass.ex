defmodule Guildhall.Relay.Pass do
  @moduledoc false

  # When the outboxes that wait at a relay are written, as a value: in passes, each of which writes to
  # those who waited when it began. A pass begins at once if the last one began long enough ago: some
  # 15 us for each outbox, of which writing takes half, and at most 250 ms. So an event of a quiet room
  # leaves at once, and in a busy one a write carries what has come meanwhile: a write of four events
  # costs what a write of one does.
  #
  # The first hundred count for more, 30 us each: to make an event takes as long as to write to some fifty,
  # and who writes to a hundred in the time of two events finds two in each outbox.

  defstruct left: 0, not_before: nil, waiting?: false

  @type t :: %__MODULE__{
          # How many of this pass are still to be written.
          left: non_neg_integer(),
          # When the next one may begin, in microseconds.
          not_before: integer() | nil,
          # Whether somebody will say when that is.
          waiting?: boolean()
        }

  @window 15
  @few 100
  @extra 15
  @longest 250_000
  # Less is not worth a timer.
  @shortest 1_000

  @doc "Says what to do, with so many outboxes in the queue: write to some, wait for `reached/1`, or nothing."
  @spec turn(t(), size :: non_neg_integer(), now :: integer()) ::
          {:write, most :: pos_integer(), t()}
          | {:wait, milliseconds :: pos_integer(), t()}
          | :rest
  def turn(%__MODULE__{}, 0, _now), do: :rest
  def turn(%__MODULE__{left: left} = pass, _size, _now) when left > 0, do: {:write, left, pass}

  def turn(%__MODULE__{not_before: time} = pass, size, now) when time == nil or time <= now do
    window = min(size * @window + min(size, @few) * @extra, @longest)
    next = if window < @shortest, do: nil, else: now + window
    {:write, size, %{pass | left: size, not_before: next}}
  end

  def turn(%__MODULE__{waiting?: true}, _size, _now), do: :rest

  def turn(%__MODULE__{not_before: time} = pass, _size, now) do
    {:wait, div(time - now, 1_000) + 1, %{pass | waiting?: true}}
  end

  @doc "Counts what was written, with so many left in the queue."
  @spec wrote(t(), tried :: non_neg_integer(), left :: non_neg_integer()) :: t()
  def wrote(%__MODULE__{} = pass, tried, left) do
    %{pass | left: min(max(pass.left - tried, 0), left)}
  end

  @doc "The time that was waited for is here."
  @spec reached(t()) :: t()
  def reached(%__MODULE__{} = pass), do: %{pass | waiting?: false}
end
