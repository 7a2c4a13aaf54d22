defmodule Guildhall.Session.Ready do
  @moduledoc false

  # What a client is told first: READY, with every field that some client library cannot do without.

  alias Guildhall.Instance
  alias Guildhall.Model.Json
  alias Guildhall.Session.Client

  @spec data(Instance.t(), String.t(), Client.t(), guild_ids :: [pos_integer()]) :: map()
  def data(instance, session_id, %Client{} = client, guild_ids) do
    ready = %{
      v: client.version,
      user: Json.self_user(client.user),
      guilds: Enum.map(guild_ids, &%{id: Integer.to_string(&1), unavailable: true}),
      session_id: session_id,
      session_type: "normal",
      resume_gateway_url: gateway_url(instance),
      private_channels: [],
      relationships: [],
      presences: [],
      guild_join_requests: [],
      user_settings: %{},
      geo_ordered_rtc_regions: [],
      _trace: trace(instance)
    }

    ready |> put_application(client.application) |> put_shard(client.shard)
  end

  @spec resumed(Instance.t()) :: map()
  def resumed(instance), do: %{_trace: trace(instance)}

  # The public URL, never what a Host header says.
  defp gateway_url(instance) do
    "http" <> rest = Instance.fetch!(instance, :url)
    "ws" <> rest
  end

  defp put_application(ready, nil), do: ready

  defp put_application(ready, application) do
    %{id: id, flags: flags} = Json.application(application)
    Map.put(ready, :application, %{id: id, flags: flags})
  end

  defp put_shard(ready, nil), do: ready
  defp put_shard(ready, shard), do: Map.put(ready, :shard, Tuple.to_list(shard))

  defp trace(instance), do: [to_string(instance)]
end
