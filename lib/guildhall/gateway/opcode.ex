defmodule Guildhall.Gateway.Opcode do
  @moduledoc false

  # The numbers of the protocol, and the payloads without a number that the gateway sends.

  alias Guildhall.Payload

  # What user clients ask of services that are not here is ignored, and so are the sounds (31) and
  # the channel details (43) that a bot may ask for.
  @ignored [5, 13, 28, 29, 30, 31, 34, 35, 36, 38, 39, 40, 41, 42, 43]

  @type name ::
          :heartbeat
          | :identify
          | :presence
          | :voice
          | :resume
          | :members
          | :lists
          | :ignored
          | :unknown

  @spec name(integer()) :: name()
  def name(1), do: :heartbeat
  def name(2), do: :identify
  def name(3), do: :presence
  def name(4), do: :voice
  def name(6), do: :resume
  def name(8), do: :members
  def name(op) when op in [14, 37], do: :lists
  def name(op) when op in @ignored, do: :ignored
  def name(_op), do: :unknown

  @spec hello(heartbeat_interval :: pos_integer(), trace :: String.t()) :: binary()
  def hello(heartbeat_interval, trace) do
    payload(10, %{heartbeat_interval: heartbeat_interval, _trace: [trace]})
  end

  @spec acknowledge() :: binary()
  def acknowledge, do: payload(11, nil)

  @spec reconnect() :: binary()
  def reconnect, do: payload(7, nil)

  @spec invalid_session() :: binary()
  def invalid_session, do: payload(9, false)

  defp payload(op, data), do: Payload.encode!(%{t: nil, s: nil, op: op, d: data})
end
