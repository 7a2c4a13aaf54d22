defmodule Guildhall.Model.Mentions do
  @limit 100

  @moduledoc """
  Whom a message's text names: `<@user>`, `<@&role>`, `<#channel>`, `@everyone` and `@here`.

      iex> alias Guildhall.Model.Mentions
      iex> Mentions.parse("<@1> and <@&2> in <#3>, but not `<@4>`")
      %Mentions{users: [1], roles: [2], channels: [3], everyone: false}

  Text in backticks names nobody. Ids are in the order of their first use, each once, at most
  #{@limit} of a kind.
  """

  defstruct users: [], roles: [], channels: [], everyone: false

  @type t :: %__MODULE__{
          users: [pos_integer()],
          roles: [pos_integer()],
          channels: [pos_integer()],
          everyone: boolean()
        }

  @typedoc """
  The `allowed_mentions` of a message: kinds in `parse` are all allowed, of the others those that
  are listed.
  """
  @type allowed :: %{
          optional(:parse) => [:users | :roles | :everyone],
          optional(:users) => [pos_integer()],
          optional(:roles) => [pos_integer()],
          optional(:replied_user) => boolean()
        }

  @doc "Reads the mentions in a text."
  @spec parse(String.t()) :: t()
  def parse(content) when is_binary(content) do
    if contains?(content, "@") or contains?(content, "<#"),
      do: content |> scan(%__MODULE__{}) |> finish(),
      else: %__MODULE__{}
  end

  # To look for two patterns at once is to build an automaton, which takes longer than looking twice.
  defp contains?(content, pattern), do: :binary.match(content, pattern) != :nomatch

  @doc "Keeps the mentions that the message's `allowed_mentions` let through; without any, all."
  @spec allow(t(), allowed() | nil) :: t()
  def allow(mentions, nil), do: mentions

  def allow(%__MODULE__{} = mentions, allowed) do
    parse = Map.get(allowed, :parse, [])

    %{
      mentions
      | users:
          if(:users in parse, do: mentions.users, else: listed(mentions.users, allowed, :users)),
        roles:
          if(:roles in parse, do: mentions.roles, else: listed(mentions.roles, allowed, :roles)),
        everyone: mentions.everyone and :everyone in parse
    }
  end

  defp listed(ids, allowed, kind) do
    allowed = Map.get(allowed, kind, [])
    Enum.filter(ids, &(&1 in allowed))
  end

  defp scan(<<"<@!", rest::binary>>, found), do: id(rest, 0, rest, found, :users)
  defp scan(<<"<@&", rest::binary>>, found), do: id(rest, 0, rest, found, :roles)
  defp scan(<<"<@", rest::binary>>, found), do: id(rest, 0, rest, found, :users)
  defp scan(<<"<#", rest::binary>>, found), do: id(rest, 0, rest, found, :channels)
  defp scan(<<"@everyone", rest::binary>>, found), do: scan(rest, %{found | everyone: true})
  defp scan(<<"@here", rest::binary>>, found), do: scan(rest, %{found | everyone: true})
  defp scan(<<"`", rest::binary>>, found), do: rest |> code(1) |> scan(found)
  defp scan(<<_byte, rest::binary>>, found), do: scan(rest, found)
  defp scan(<<>>, found), do: found

  # Up to 20 digits and a `>`; anything else was no mention, and the scan goes on behind the `<@`.
  defp id(<<digit, rest::binary>>, id, start, found, kind)
       when digit in ?0..?9 and id < 0x1000_0000_0000_0000 do
    id(rest, id * 10 + digit - ?0, start, found, kind)
  end

  defp id(<<">", rest::binary>>, id, _start, found, kind) when id > 0 do
    scan(rest, Map.update!(found, kind, &[id | &1]))
  end

  defp id(_other, _id, start, found, _kind), do: scan(start, found)

  # Behind an opening run of backticks: what follows the closing run of as many, or, without one,
  # what follows the opening run.
  defp code(<<"`", rest::binary>>, size), do: code(rest, size + 1)
  defp code(rest, size), do: closing(rest, size, 0, rest)

  defp closing(<<"`", rest::binary>>, size, run, start), do: closing(rest, size, run + 1, start)
  defp closing(rest, size, size, _start), do: rest
  defp closing(<<_byte, rest::binary>>, size, _run, start), do: closing(rest, size, 0, start)
  defp closing(<<>>, _size, _run, start), do: start

  defp finish(found) do
    %{
      found
      | users: first(found.users),
        roles: first(found.roles),
        channels: first(found.channels)
    }
  end

  defp first(ids), do: ids |> Enum.reverse() |> Enum.uniq() |> Enum.take(@limit)
end
