defmodule Guildhall.Session.Admission do
  @moduledoc false

  # Who may have a session, and with what. Everything is checked before a process is started; what is
  # dear or counts comes last.

  alias Guildhall.{Instance, Model, User}
  alias Guildhall.Model.Intents
  alias Guildhall.Session.{Client, Identify, Quota}

  # A person reads what others write; the content intent is for applications.
  @person Bitwise.bor(
            Bitwise.band(Intents.known(), Bitwise.bnot(Intents.privileged())),
            Intents.bit(:message_content)
          )
  @shards 65_536

  @type refusal ::
          :authentication_failed
          | :invalid_intents
          | :disallowed_intents
          | :invalid_shard
          | :sharding_required
          | :too_many_sessions
          | :overloaded
          | :rate_limited

  @spec authenticate(Instance.t(), String.t()) ::
          {:ok, Model.User.t()} | {:error, :authentication_failed | :overloaded}
  def authenticate(instance, token) do
    case User.authenticate(instance, User.strip(token)) do
      {:ok, user} -> {:ok, user}
      {:error, :unauthorized} -> {:error, :authentication_failed}
      # Clients never come back from a failed authentication, so this is not one.
      {:error, :unavailable} -> {:error, :overloaded}
    end
  end

  @spec admit(Instance.t(), Model.User.t(), Identify.t(), map()) ::
          {:ok, Client.t()} | {:error, refusal()}
  def admit(instance, user, %Identify{} = identify, settings) do
    with {:ok, application} <- application(instance, user),
         {:ok, intents} <- intents(application, identify.intents),
         {:ok, shard} <- shard(identify.shard),
         # Before anything is read for a client that has to wait anyway.
         :ok <- Quota.check(instance, user.id, shard_id(shard), settings),
         client = %Client{
           user: user,
           application: application,
           intents: intents,
           shard: shard,
           large_threshold: identify.large_threshold,
           presence: identify.presence,
           capabilities: identify.capabilities,
           version: identify.version
         },
         {:ok, client} <- guilds(instance, client, settings),
         :ok <- sessions(instance, user, settings),
         :ok <- Quota.take(instance, user.id, shard_id(shard), settings) do
      {:ok, client}
    end
  end

  defp application(_instance, %Model.User{bot: false}), do: {:ok, nil}

  defp application(instance, user) do
    with {:error, _reason} <- User.application(instance, user.id), do: {:error, :overloaded}
  end

  defp intents(nil, nil), do: {:ok, @person}

  defp intents(application, intents) do
    granted = if application, do: application.intents, else: Intents.bit(:message_content)

    cond do
      not Intents.valid?(intents) -> {:error, :invalid_intents}
      Intents.disallowed(intents, granted) != 0 -> {:error, :disallowed_intents}
      true -> {:ok, intents}
    end
  end

  defp shard(nil), do: {:ok, nil}

  defp shard({id, shards} = shard) when id >= 0 and id < shards and shards <= @shards,
    do: {:ok, shard}

  defp shard(_other), do: {:error, :invalid_shard}

  defp shard_id(nil), do: 0
  defp shard_id({id, _shards}), do: id

  defp guilds(instance, client, settings) do
    joins = User.joins(instance, client.user.id)

    case User.guilds(instance, client.user.id) do
      {:ok, guild_ids} -> guilds(client, joins, Client.guilds(client, guild_ids), settings)
      {:error, :unavailable} -> {:error, :overloaded}
    end
  end

  defp guilds(client, joins, guild_ids, settings) do
    if length(guild_ids) <= settings.guilds_per_shard,
      do: {:ok, %{client | guilds: {joins, guild_ids}}},
      else: {:error, :sharding_required}
  end

  defp sessions(_instance, _user, %{rate_limits: false}), do: :ok

  defp sessions(instance, user, settings) do
    if length(User.sessions(instance, user.id)) < settings.sessions_per_user,
      do: :ok,
      else: {:error, :too_many_sessions}
  end
end
