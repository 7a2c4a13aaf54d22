defmodule Guildhall.Guild.Reading do
  @moduledoc false

  # What members may ask a room without changing anything.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{Authority, Members, Plan, Posts, Presences, State}
  alias Guildhall.Model.{Channel, Rights}

  @impl true
  def facts(_actor, {:member, user_id}), do: [{:member, user_id}]
  def facts(_actor, _command), do: []

  @impl true
  def keys(_state, _request), do: {[], []}

  @impl true
  def decide(state, %{command: {:get}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, 0) do
      channels = Map.new(visible(state, authority), &{&1.id, &1})
      Plan.answer(%{state.guild | channels: channels})
    end
  end

  def decide(state, %{command: {:channels}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, 0) do
      Plan.answer(visible(state, authority))
    end
  end

  def decide(state, %{command: {:channel, id}} = request) do
    with {:ok, authority} <- Authority.in_channel(state, request, id, 0) do
      Plan.answer(with_last(state, authority.channel))
    end
  end

  def decide(state, %{command: {:member, user_id}} = request) do
    with {:ok, _authority} <- Authority.in_guild(state, request, 0),
         {:ok, member} <- Members.member(state, request, user_id) do
      Plan.answer(member)
    end
  end

  def decide(%State{presences: presences}, %{command: {:presences, user_ids}}) do
    shown = for id <- user_ids, do: {id, Presences.shown(presences, id)}
    Plan.answer(for {id, shown} <- shown, shown.status != :offline, into: %{}, do: {id, shown})
  end

  def decide(%State{presences: presences} = state, %{command: {:counts}} = request) do
    with {:ok, _authority} <- Authority.in_guild(state, request, 0) do
      online = Presences.count(presences)
      Plan.answer(%{members: state.guild.member_count, online: online})
    end
  end

  def decide(state, %{command: {:authorize, nil, needed}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, needed) do
      Plan.answer(%{channel: nil, permissions: authority.permissions, member: authority.member})
    end
  end

  def decide(state, %{command: {:authorize, channel_id, needed}} = request) do
    with {:ok, authority} <- Authority.in_channel(state, request, channel_id, needed) do
      Plan.answer(%{
        channel: with_last(state, authority.channel),
        permissions: authority.permissions,
        member: authority.member
      })
    end
  end

  @doc "The channel with the id of its last message, which is kept beside it."
  @spec with_last(State.t(), Channel.t()) :: Channel.t()
  def with_last(state, channel) do
    %{channel | last_message_id: Posts.last(state.posts, channel.id)}
  end

  defp visible(%State{guild: guild} = state, authority) do
    seen =
      if authority.actor == :operator or guild.kind == :dm,
        do: Map.keys(guild.channels),
        else: Rights.visible(state.rights, authority.member)

    for id <- seen, do: with_last(state, Map.fetch!(guild.channels, id))
  end
end
