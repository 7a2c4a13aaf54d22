defmodule Guildhall.Guild.Addressees do
  @moduledoc false

  # Whom a message mentions: users with their members, roles, everyone.
  #
  # A role that is not mentionable and `@everyone` need MENTION_EVERYONE; the author of the message
  # that is replied to is mentioned unless the reply says otherwise.

  alias Guildhall.Guild.{Authority, Facts, Request, State}
  alias Guildhall.Model.{Mentions, Message, User}
  alias Guildhall.Permissions

  @everyone Permissions.bit(:mention_everyone)

  @doc "Rows that a text's mentions need."
  @spec facts(String.t()) :: [Facts.key()]
  def facts(content) do
    Enum.flat_map(Mentions.parse(content).users, &[{:member, &1}, {:user, &1}])
  end

  @doc "Fills in whom the message mentions."
  @spec resolve(State.t(), Request.t(), Authority.t(), Message.t(), map()) ::
          {:ok, Message.t()} | {:need, [Facts.key()]}
  def resolve(%State{guild: guild} = state, request, authority, message, attrs) do
    allowed = attrs[:allowed_mentions]
    found = message.content |> Mentions.parse() |> Mentions.allow(allowed)
    everyone? = Authority.can?(authority, @everyone)
    ids = Enum.uniq(replied(message, allowed) ++ found.users)

    with {:ok, users} <- users(state, request, ids) do
      {:ok,
       %{
         message
         | mentions: users,
           mention_roles: Enum.filter(found.roles, &mentionable?(guild, &1, everyone?)),
           mention_everyone: found.everyone and everyone?
       }}
    end
  end

  defp replied(%Message{referenced: %Message{author: author}}, allowed) do
    if allowed == nil or allowed[:replied_user], do: [author.id], else: []
  end

  defp replied(_message, _allowed), do: []

  defp mentionable?(guild, role_id, everyone?) do
    case guild.roles do
      %{^role_id => role} -> role.mentionable or everyone?
      %{} -> false
    end
  end

  defp users(%State{guild: %{kind: :dm}} = state, request, ids) do
    with {:ok, users} <- Facts.fetch_all(state, request, for(id <- ids, do: {:user, id})) do
      {:ok, for(%User{} = user <- users, do: {user, nil})}
    end
  end

  defp users(state, request, ids) do
    with {:ok, members} <- Facts.fetch_all(state, request, for(id <- ids, do: {:member, id})) do
      found = Enum.zip(ids, members)
      strangers = for {id, nil} <- found, do: {:user, id}

      with {:ok, users} <- Facts.fetch_all(state, request, strangers) do
        users = for %User{} = user <- users, into: %{}, do: {user.id, user}
        {:ok, Enum.flat_map(found, &mentioned(&1, users))}
      end
    end
  end

  defp mentioned({id, nil}, users),
    do: for({:ok, user} <- [Map.fetch(users, id)], do: {user, nil})

  defp mentioned({_id, member}, _users), do: [{member.user, member}]
end
