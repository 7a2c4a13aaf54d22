defmodule Guildhall.Relay.Rights do
  @moduledoc false

  # A room's guild, and changes of it, as `Guildhall.Audience` takes them.

  alias Guildhall.{Audience, Permissions}
  alias Guildhall.Model.{Guild, Rights}
  alias Guildhall.Relay.{Subscriber, View}

  @view Permissions.bit(:view_channel)

  @doc "Returns the options of an audience."
  @spec options(Guild.t()) :: keyword()
  # Whoever is attached to a direct message channel sees it.
  def options(%Guild{kind: :dm, id: id} = guild) do
    Keyword.merge(Rights.describe(guild), owner_id: nil, roles: [{id, @view}])
  end

  def options(%Guild{} = guild), do: Rights.describe(guild)

  @doc "Returns a change as the audience takes it."
  @spec change(View.change()) :: Audience.change()
  def change({:member, member}), do: {:member, member.user.id, member.roles}
  def change(change), do: Rights.describe_change(change)

  @doc "Returns a session as the audience takes it, under the relay's number for it."
  @spec session(Subscriber.t(), key :: pos_integer()) :: Audience.Session.t()
  def session(%Subscriber{} = subscriber, key) do
    %Audience.Session{
      key: key,
      user_id: subscriber.user_id,
      roles: if(subscriber.member, do: subscriber.member.roles, else: []),
      intents: subscriber.intents,
      outbox: subscriber.outbox,
      pid: subscriber.pid
    }
  end
end
