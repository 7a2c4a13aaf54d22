defmodule Guildhall.Gateway.Rate do
  @moduledoc false

  # How much a connection may send. Clients pace themselves by 120 payloads in 60 seconds, do not
  # count their heartbeats, and do not know when the server's minute begins: so there is slack, and
  # heartbeats have a count of their own, which only a broken client reaches.

  defstruct began_at: 0, payloads: nil, heartbeats: 0

  @type t :: %__MODULE__{
          began_at: integer(),
          payloads: non_neg_integer() | nil,
          heartbeats: non_neg_integer()
        }

  @span 60_000
  @payloads 140
  @heartbeats 120

  @spec new() :: t()
  def new, do: %__MODULE__{}

  @spec count(t(), :heartbeat | :payload, now :: integer()) ::
          {:ok, t()} | {:error, :rate_limited}
  def count(%__MODULE__{payloads: payloads, began_at: began_at}, kind, now)
      when payloads == nil or now - began_at >= @span do
    count(%__MODULE__{began_at: now, payloads: 0}, kind, now)
  end

  def count(%__MODULE__{heartbeats: n} = rate, :heartbeat, _now) when n < @heartbeats do
    {:ok, %{rate | heartbeats: n + 1}}
  end

  def count(%__MODULE__{payloads: n} = rate, :payload, _now) when n < @payloads do
    {:ok, %{rate | payloads: n + 1}}
  end

  def count(_rate, _kind, _now), do: {:error, :rate_limited}
end
