defmodule Guildhall.Guild.Throttle do
  @moduledoc false

  # How many bytes of events the structure of a guild may cause, as a value: a token bucket.
  #
  # A change of channels, roles or settings is small to send and large to tell: all of it goes to every
  # session at once. So a room allows one guild's worth of it in a burst, and then a quarter of what the
  # slowest client reads. A command is allowed as soon as there are no debts; it may be larger than what
  # is left, or the largest could never be carried out. A small one is allowed in spite of the debts of
  # large ones.

  alias Guildhall.Guild.{Bounds, Plan, Request, State}
  alias Guildhall.Model.{GuildSize, Limits}

  @burst Limits.guild_bytes()
  # Bytes in a second.
  @rate 262_144
  @small 4_096
  @most_debts 2 * @burst

  defstruct left: @burst, at: nil

  @type t :: %__MODULE__{left: integer(), at: integer() | nil}

  @doc "Pays for what a plan tells all sessions of, or says in how many milliseconds it may be tried again."
  @spec pay(t(), State.t(), Request.t(), Plan.t()) ::
          {:ok, t()} | {:error, {:throttled, milliseconds :: pos_integer()}}
  def pay(throttle, _state, %Request{actor: :operator}, _plan), do: {:ok, throttle}

  def pay(%__MODULE__{} = throttle, state, %Request{now: now}, plan) do
    if told?(plan),
      do: throttle |> refill(now) |> spend(cost(state, plan)),
      else: {:ok, throttle}
  end

  # A pin changes a channel, too, and is told in a few bytes.
  defp told?(%Plan{changes: changes, effects: effects}) do
    Enum.any?(changes, &Bounds.structural?/1) and
      Enum.any?(effects, &match?({:change, _changes, _channels, _events}, &1))
  end

  defp refill(%__MODULE__{at: nil} = throttle, now), do: %{throttle | at: now}

  # The clock may be set back.
  defp refill(%__MODULE__{left: left, at: at} = throttle, now) do
    %{throttle | left: min(left + div(max(now - at, 0) * @rate, 1_000), @burst), at: now}
  end

  defp spend(%__MODULE__{left: left} = throttle, cost) do
    least = if cost > @small, do: 0, else: -@most_debts

    if left > least,
      do: {:ok, %{throttle | left: left - cost}},
      else: {:error, {:throttled, div((least - left) * 1_000, @rate) + 1}}
  end

  # GUILD_UPDATE shows the roles, too.
  defp cost(%State{guild: guild}, %Plan{changes: changes} = plan) do
    settings? = Enum.any?(changes, &match?({:settings, _changes}, &1))
    settings = if settings?, do: GuildSize.of(%{guild | channels: %{}}).bytes, else: 0
    settings + Bounds.told(plan)
  end
end
