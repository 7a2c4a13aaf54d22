defmodule Guildhall.RelayFixture do
  @moduledoc false

  # A small guild and its sessions, for tests of relays.

  alias Guildhall.{Frames, Outbox}
  alias Guildhall.Model.{Channel, Guild, Intents, Member, Overwrite, Role, User}
  alias Guildhall.Permissions
  alias Guildhall.Relay.Subscriber

  @view Permissions.bit(:view_channel)

  @doc "A guild of one channel (10) that everyone sees and one (11) that only role 2 sees."
  def guild(id \\ 1) do
    deny = %Overwrite{id: id, type: :role, deny: @view}
    allow = %Overwrite{id: 2, type: :role, allow: @view}

    %Guild{
      id: id,
      owner_id: 99,
      roles: %{id => role(id, @view), 2 => role(2, 0)},
      channels: %{10 => channel(10, []), 11 => channel(11, [deny, allow])}
    }
  end

  def role(id, permissions), do: %Role{id: id, name: "role", permissions: permissions}

  def channel(id, overwrites, attributes \\ []) do
    overwrites = Map.new(overwrites, &{&1.id, &1})
    struct!(%Channel{id: id, type: 0, overwrites: overwrites}, attributes)
  end

  def member(user_id, roles \\ []) do
    %Member{user: %User{id: user_id, username: "user"}, roles: roles}
  end

  @doc "A session of a user with roles; the calling process is the session."
  def subscriber(user_id, roles \\ [], attributes \\ []) do
    struct!(
      %Subscriber{
        session_id: "session-#{System.unique_integer([:positive])}",
        pid: self(),
        relay: self(),
        outbox: Outbox.new(),
        user_id: user_id,
        intents: Intents.known(),
        member: member(user_id, roles)
      },
      attributes
    )
  end

  @doc "The `d` of everything in the outbox that was not read yet; data must be without braces."
  def read(%Subscriber{outbox: outbox}), do: Frames.data(outbox)
end
