defmodule Guildhall.Gateway.Identity do
  @moduledoc false

  # IDENTIFY, read with the leniency that client libraries need: unknown keys and junk in optional
  # fields are passed over. Whether what was read is allowed is the session's business.

  alias Guildhall.Gateway.Status
  alias Guildhall.Session.Identify

  @spec read(map()) :: Identify.t()
  def read(data) do
    %Identify{
      token: token(data["token"]),
      intents: intents(data["intents"]),
      shard: shard(data["shard"]),
      large_threshold: threshold(data["large_threshold"]),
      presence: Status.initial(data["presence"], data["properties"]),
      capabilities: capabilities(data["capabilities"])
    }
  end

  # An empty token is nobody's.
  defp token(token) when is_binary(token), do: token
  defp token(_other), do: ""

  defp intents(nil), do: nil
  defp intents(intents) when is_integer(intents) and intents >= 0, do: intents
  defp intents(_other), do: :invalid

  defp shard(nil), do: nil
  defp shard([id, shards]) when is_integer(id) and is_integer(shards), do: {id, shards}
  defp shard(_other), do: :invalid

  defp threshold(number) when is_integer(number), do: number |> max(50) |> min(250)
  defp threshold(_other), do: 50

  defp capabilities(mask) when is_integer(mask) and mask >= 0, do: mask
  defp capabilities(_other), do: 0
end
