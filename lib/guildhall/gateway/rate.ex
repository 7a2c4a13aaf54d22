defmodule Guildhall.Gateway.Rate do
  @moduledoc false

  # How much a connection may send. Clients pace themselves by 120 payloads in 60 seconds and do not
  # count their heartbeats: so there is slack, and heartbeats have a count of their own, which only a
  # broken client reaches.

  alias Guildhall.Window

  defstruct payloads: nil, heartbeats: nil

  @type t :: %__MODULE__{payloads: Window.t(), heartbeats: Window.t()}

  @payloads {140, 60_000}
  @heartbeats {120, 60_000}

  @spec new() :: t()
  def new, do: %__MODULE__{}

  @spec count(t(), :heartbeat | :payload, now :: integer()) ::
          {:ok, t()} | {:error, :rate_limited}
  def count(%__MODULE__{heartbeats: window} = rate, :heartbeat, now) do
    with {:ok, window} <- window(window, now, @heartbeats),
         do: {:ok, %{rate | heartbeats: window}}
  end

  def count(%__MODULE__{payloads: window} = rate, :payload, now) do
    with {:ok, window} <- window(window, now, @payloads), do: {:ok, %{rate | payloads: window}}
  end

  defp window(window, now, limit) do
    with {:error, :limited} <- Window.count(window, now, limit), do: {:error, :rate_limited}
  end
end
