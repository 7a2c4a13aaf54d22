defmodule Guildhall.Api.View do
  @moduledoc false

  # What a caller is shown: the model's JSON, with what the caller's place adds to it.

  alias Guildhall.Api.{Call, Room}
  alias Guildhall.{Instance, User}
  alias Guildhall.Model
  alias Guildhall.Model.{Application, Channel, Guild, Intents, Json, Message, Role}

  @direct [1, 3]

  @spec user(Model.User.t()) :: Json.object()
  defdelegate user(user), to: Json

  @spec self_user(Model.User.t()) :: Json.object()
  defdelegate self_user(user), to: Json

  @spec ban(Model.Ban.t()) :: Json.object()
  defdelegate ban(ban), to: Json

  @spec role(Role.t()) :: Json.object()
  defdelegate role(role), to: Json

  @spec member(Model.Member.t()) :: Json.object()
  def member(member), do: Json.member(member, user: true)

  @spec ids([pos_integer()]) :: [String.t()]
  def ids(ids), do: Enum.map(ids, &Json.id/1)

  @spec roles([Role.t()]) :: [Json.object()]
  def roles(roles), do: roles |> Enum.sort_by(&{&1.position, &1.id}) |> Enum.map(&role/1)

  @spec guild_channel(Channel.t()) :: Json.object()
  def guild_channel(channel), do: Json.channel(channel)

  @spec guild_channels([Channel.t()]) :: [Json.object()]
  def guild_channels(channels) do
    channels |> Enum.sort_by(&{&1.position, &1.id}) |> Enum.map(&guild_channel/1)
  end

  # A direct message channel is shown with those at its other end.
  @spec channel(Call.t(), Channel.t()) :: Call.result()
  def channel(%Call{instance: instance, user: user}, %Channel{type: type} = channel)
      when type in @direct do
    with {:ok, others} <- User.fetch_many(instance, channel.recipients -- [user.id]) do
      {:ok, Json.channel(channel, others)}
    end
  end

  def channel(_call, channel), do: {:ok, guild_channel(channel)}

  @spec messages(Call.t(), [Message.t()]) :: [Json.object()]
  def messages(call, messages) do
    content? = content?(call)
    for message <- messages, do: message(call, message, content?)
  end

  @spec message(Call.t(), Message.t()) :: Json.object()
  def message(call, message), do: message(call, message, content?(call))

  defp message(%Call{user: %{id: id}}, message, content?) do
    own? =
      message.author.id == id or Enum.any?(message.mentions, &match?({%{id: ^id}, _member}, &1))

    Json.message(message, strip: not (content? or own? or message.guild_id == nil))
  end

  # Bots that were not granted MESSAGE_CONTENT see as much over REST as over the gateway.
  defp content?(%Call{user: %{bot: false}}), do: true

  defp content?(%Call{instance: instance, user: user}) do
    case User.application(instance, user.id) do
      {:ok, %Application{intents: granted}} ->
        Intents.disallowed(Intents.bit(:message_content), granted) == 0

      {:error, _reason} ->
        false
    end
  end

  @spec guild(Call.t(), Guild.t(), with_counts? :: boolean()) :: Call.result()
  def guild(call, guild, with_counts?) do
    with {:ok, counts} <- counts(call, with_counts?) do
      {:ok, guild |> Json.guild() |> Map.merge(counts)}
    end
  end

  # What someone sees of a guild in the list of his own.
  # A summary of `Guildhall.Guild.summaries/3`.
  @spec partial_guild(Call.t(), map(), with_counts? :: boolean()) :: Json.object()
  def partial_guild(%Call{user: user}, %{guild: guild} = summary, with_counts?) do
    %{permissions: permissions, members: members, online: online} = summary
    partial = guild |> Json.guild() |> Map.take([:id, :name, :icon, :banner, :features])
    own = %{owner: guild.owner_id == user.id, permissions: Integer.to_string(permissions)}
    counts = %{approximate_member_count: members, approximate_presence_count: online}

    if with_counts?,
      do: partial |> Map.merge(own) |> Map.merge(counts),
      else: Map.merge(partial, own)
  end

  defp counts(_call, false), do: {:ok, %{}}

  defp counts(call, true) do
    with {:ok, %{members: members, online: online}} <- Room.guild(call, {:counts}) do
      {:ok, %{approximate_member_count: members, approximate_presence_count: online}}
    end
  end

  @spec basic_application(Application.t()) :: Json.object()
  defdelegate basic_application(application), to: Json, as: :application

  # The caller's own application; the node's operator owns those that nobody does.
  @spec application(Call.t(), Application.t()) :: Call.result()
  def application(%Call{instance: instance, user: bot}, application) do
    with {:ok, owners} <- User.fetch_many(instance, List.wrap(application.owner_id)),
         {:ok, guild_ids} <- User.guilds(instance, bot.id) do
      owner = user(List.first(owners) || bot)
      {:ok, Map.merge(Json.application(application), private(bot, owner, length(guild_ids)))}
    end
  end

  defp private(bot, owner, guilds) do
    %{
      bot: user(bot),
      owner: owner,
      approximate_guild_count: guilds,
      approximate_user_install_count: 0,
      approximate_user_authorization_count: 0,
      redirect_uris: [],
      interactions_endpoint_url: nil,
      role_connections_verification_url: nil,
      integration_types_config: %{},
      event_webhooks_status: 1,
      explicit_content_filter: 0,
      eligible_oauth2_scopes: []
    }
  end

  @spec command(map(), params :: map()) :: Json.object()
  def command(command, params) do
    shown = %{
      command
      | id: Json.id(command.id),
        version: Json.id(command.version),
        default_member_permissions: mask(command.default_member_permissions)
    }

    place = for {:guild_id, id} <- params, into: %{}, do: {:guild_id, Json.id(id)}
    shown |> Map.put(:application_id, Json.id(params.application_id)) |> Map.merge(place)
  end

  defp mask(nil), do: nil
  defp mask(mask), do: Integer.to_string(mask)

  # Where the gateway is, as the operator said: a client's Host header may name anything.
  @spec gateway_url(Instance.t()) :: String.t()
  def gateway_url(instance) do
    "http" <> rest = Instance.fetch!(instance, :url)
    "ws" <> rest
  end
end
