defmodule Guildhall.Session.Members do
  @moduledoc false

  # Reads one chunk of the answer to a request for members: GUILD_MEMBERS_CHUNK.
  #
  # The number of chunks is said in the first and must hold, while members come and go: there is always
  # room for one more in the last. All before it are full, because one library takes the first that is
  # not for the end.

  alias Guildhall.{Guild, Instance, Payload}
  alias Guildhall.Model.{Intents, Json, Limits}
  alias Guildhall.Session.{MemberRequest, Pages}

  @chunk 1_000
  @most Limits.requested_users()

  @typedoc "Whether the session is in the guild now, and the intents that decide what it may ask."
  @type access :: %{member?: boolean(), intents: non_neg_integer()}

  @doc "Reads the next chunk; there is more to come if it answers a page."
  @spec read(Instance.t(), user_id :: pos_integer(), Pages.page(), access()) ::
          {:ok, chunk :: map(), Pages.page() | nil} | {:error, reason :: atom()}
  def read(instance, user_id, %{request: %MemberRequest{select: :all}} = page, access) do
    case {allowed?(access, :guild_members), page.count} do
      {true, nil} -> first(instance, user_id, page, access)
      {true, _count} -> next(instance, page, access)
      {false, nil} -> {:ok, chunk(instance, %{page | count: 1}, [], access), nil}
      {false, _count} -> {:error, :missing_access}
    end
  end

  def read(instance, _user_id, %{request: request} = page, access) do
    with {:ok, members, extra} <- select(instance, request, request.select, access) do
      chunk = chunk(instance, %{page | count: 1}, members, access)
      {:ok, Map.merge(chunk, extra), nil}
    end
  end

  defp first(instance, user_id, page, access) do
    case Guild.run(instance, page.request.guild_id, user_id, {:get}) do
      {:ok, guild} ->
        next(instance, %{page | count: div(guild.member_count, @chunk) + 1}, access)

      # A direct message channel, which the session is in as well.
      {:error, :unknown_guild} ->
        {:ok, chunk(instance, %{page | count: 1}, [], access), nil}

      {:error, reason} ->
        {:error, reason}
    end
  end

  defp next(instance, %{index: index, count: count} = page, access) do
    bounds = [after: page.after, limit: @chunk]

    with {:ok, members} <- Guild.members(instance, page.request.guild_id, bounds) do
      last_id = Enum.reduce(members, page.after, &max(&1.user.id, &2))
      next = if index + 1 < count, do: %{page | index: index + 1, after: last_id}
      {:ok, chunk(instance, page, members, access), next}
    end
  end

  # Who is no member learns nothing, not even whether there is such a guild.
  defp select(_instance, _request, {:users, ids}, %{member?: false}), do: {:ok, [], missing(ids)}
  defp select(_instance, _request, {:prefix, _prefix}, %{member?: false}), do: {:ok, [], %{}}

  defp select(instance, request, {:users, ids}, _access) do
    with {:ok, members} <- Guild.find_members(instance, request.guild_id, ids) do
      {:ok, members, missing(ids -- Enum.map(members, & &1.user.id))}
    end
  end

  defp select(instance, request, {:prefix, prefix}, _access) do
    limit = if request.limit in 1..@most, do: request.limit, else: @most

    found =
      if prefix == "",
        do: Guild.members(instance, request.guild_id, after: 0, limit: limit),
        else: Guild.search_members(instance, request.guild_id, prefix, limit)

    with {:ok, members} <- found, do: {:ok, members, %{}}
  end

  defp missing([]), do: %{}
  defp missing(ids), do: %{not_found: Enum.map(ids, &Integer.to_string/1)}

  defp chunk(instance, %{request: request} = page, members, access) do
    chunk = %{
      guild_id: Integer.to_string(request.guild_id),
      members:
        members
        |> within(Limits.chunk_bytes(), &member_bytes/1)
        |> Enum.map(&Json.member(&1, user: true)),
      chunk_index: page.index,
      chunk_count: page.count
    }

    chunk = if request.nonce, do: Map.put(chunk, :nonce, request.nonce), else: chunk

    if request.presences and allowed?(access, :guild_presences),
      do: Map.merge(chunk, presences(instance, request.guild_id, members)),
      else: chunk
  end

  defp presences(instance, guild_id, members) do
    case Guild.presences(instance, guild_id, Enum.map(members, & &1.user.id)) do
      {:ok, presences} ->
        fitting = within(presences, Limits.chunk_presences_bytes(), &presence_bytes/1)
        %{presences: for({id, shown} <- fitting, do: Json.presence(id, shown))}

      {:error, _reason} ->
        %{}
    end
  end

  # Those that do not fit are left out: a thousand members with every role would fill an outbox. The
  # client can ask for them by id.
  defp within(things, most, size) do
    {fitting, _left} =
      Enum.flat_map_reduce(things, most, fn thing, left ->
        bytes = size.(thing)
        if bytes <= left, do: {[thing], left - bytes}, else: {[], left}
      end)

    fitting
  end

  # Its keys, times and names, and its roles' ids.
  defp member_bytes(member), do: 1_000 + 23 * length(member.roles)

  defp presence_bytes({_id, %{activities: []}}), do: 200
  defp presence_bytes({_id, shown}), do: 200 + byte_size(Payload.encode!(shown.activities))

  defp allowed?(access, intent) do
    access.member? and Bitwise.band(access.intents, Intents.bit(intent)) != 0
  end
end
