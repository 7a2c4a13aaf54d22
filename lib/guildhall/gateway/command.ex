defmodule Guildhall.Gateway.Command do
  @moduledoc false

  # What a client sends, as a command. Clients send junk where it does not matter, and a good one must
  # not be cut off for it; a field that the answer depends on and that is not what it must be is a
  # decode error.

  alias Guildhall.Gateway.{Identity, Opcode, Status, Subscription}
  alias Guildhall.Model.{Limits, Snowflake}
  alias Guildhall.Payload
  alias Guildhall.Session.{Connection, Identify, MemberRequest, Resume}

  @type t :: Connection.command() | {:identify, Identify.t()} | {:resume, Resume.t()}

  @users Limits.requested_users()
  @nonce Limits.request_nonce()

  @spec decode(binary(), encoding :: :json | :etf) :: t()
  def decode(data, encoding) do
    case payload(data, encoding) do
      {:ok, %{"op" => op} = payload} when is_integer(op) -> read(Opcode.name(op), payload["d"])
      _other -> {:invalid, :decode_error}
    end
  end

  defp payload(data, :json), do: Payload.decode(data)
  defp payload(data, :etf), do: Payload.from_etf(data)

  defp read(:heartbeat, sequence) when is_integer(sequence) and sequence > 0 do
    {:heartbeat, sequence}
  end

  defp read(:heartbeat, _none), do: {:heartbeat, nil}
  defp read(:ignored, _data), do: :ignored
  defp read(:unknown, _data), do: {:invalid, :unknown_opcode}
  defp read(:identify, %{} = data), do: {:identify, Identity.read(data)}
  defp read(:presence, %{} = data), do: {:presence, Status.read(data)}
  defp read(:voice, %{} = data), do: voice(data, Snowflake.parse(data["guild_id"]))
  defp read(:members, %{} = data), do: members(data)

  defp read(:lists, data) do
    case Subscription.read(data) do
      {:ok, []} -> :ignored
      {:ok, guilds} -> {:lists, guilds}
      :error -> {:invalid, :decode_error}
    end
  end

  defp read(:resume, %{"token" => token, "session_id" => id} = data)
       when is_binary(token) and is_binary(id) do
    {:resume, %Resume{token: token, session_id: id, sequence: sequence(data["seq"])}}
  end

  defp read(_name, _data), do: {:invalid, :decode_error}

  # What is no number cannot be resumed, which is less than a broken payload.
  defp sequence(sequence) when is_integer(sequence) and sequence >= 0, do: sequence
  defp sequence(_other), do: :invalid

  # Calls in DMs are for user clients, and not served.
  defp voice(_data, :error), do: :ignored

  defp voice(data, {:ok, guild_id}) do
    case optional(data["channel_id"]) do
      {:ok, channel_id} ->
        flags = Map.new([:self_mute, :self_deaf, :self_video], &{&1, data["#{&1}"] == true})
        {:voice, guild_id, Map.put(flags, :channel_id, channel_id)}

      :error ->
        {:invalid, :decode_error}
    end
  end

  defp optional(nil), do: {:ok, nil}
  defp optional(id), do: Snowflake.parse(id)

  # Of no guild.
  defp members(%{"guild_id" => []}), do: :ignored

  defp members(data) do
    with {:ok, guild_id} <- one(data["guild_id"]), {:ok, select} <- select(data) do
      {:members,
       %MemberRequest{
         guild_id: guild_id,
         select: select,
         limit: limit(data["limit"]),
         presences: data["presences"] == true,
         nonce: nonce(data["nonce"])
       }}
    else
      :error -> {:invalid, :decode_error}
    end
  end

  # Old clients send a list of one.
  defp one([id]), do: Snowflake.parse(id)
  defp one(id), do: Snowflake.parse(id)

  defp select(%{"user_ids" => [_id | _ids] = ids}), do: users(ids)
  defp select(%{"user_ids" => id}) when is_binary(id) or is_integer(id), do: users([id])
  defp select(data), do: prefix(data["query"] || "", limit(data["limit"]))

  defp prefix("", 0), do: {:ok, :all}
  defp prefix(prefix, _limit) when is_binary(prefix), do: {:ok, {:prefix, prefix}}
  defp prefix(_other, _limit), do: :error

  defp users(ids) when length(ids) <= @users do
    parsed = Enum.map(ids, &Snowflake.parse/1)
    if :error in parsed, do: :error, else: {:ok, {:users, Keyword.get_values(parsed, :ok)}}
  end

  defp users(_too_many), do: :error

  defp limit(limit) when is_integer(limit) and limit > 0, do: limit
  defp limit(_other), do: 0

  defp nonce(nonce) when is_binary(nonce) and byte_size(nonce) <= @nonce, do: nonce
  defp nonce(_other), do: nil
end
