defmodule Guildhall.Audience.Pieces do
  @moduledoc false

  # What takes longer than a scheduler should be held is done in pieces: a NIF says where to go on, and is
  # called again. In between others get their turn, and may change the audience.

  alias Guildhall.Audience.Item
  alias Guildhall.{Audience, Native}

  @doc "Goes on to gather who sees what, until that is done."
  @spec watch(Native.audience(), Native.moves(), done? :: boolean()) :: :ok
  def watch(_audience, _moves, true), do: :ok

  def watch(audience, moves, false) do
    watch(audience, moves, Native.audience_watch_more(audience, moves))
  end

  @spec moved(Native.audience(), Native.moves()) :: [{Audience.id(), boolean(), boolean()}]
  def moved(audience, moves), do: moved(audience, moves, 0, [])

  defp moved(_audience, _moves, nil, pieces), do: pieces |> Enum.reverse() |> Enum.concat()

  defp moved(audience, moves, from, pieces) do
    {moved, next} = Native.audience_moved(audience, moves, from)
    moved(audience, moves, next, [moved | pieces])
  end

  @spec dispatch(Native.audience(), [Item.t()], Native.queue() | nil) ::
          {non_neg_integer(), [pid()], [Audience.key()]}
  def dispatch(audience, [item], queue) do
    case Native.audience_dispatch(audience, terms(item), 0, queue) do
      {next, plan, {_, _, _} = done} -> dispatch(audience, plan, next, queue, [done])
      done -> done
    end
  end

  def dispatch(audience, items, queue) do
    case Native.audience_dispatch(audience, Enum.map(items, &terms/1), 0, queue) do
      :many -> items |> Enum.map(&dispatch(audience, [&1], queue)) |> together()
      {next, plan, {_, _, _} = done} -> dispatch(audience, plan, next, queue, [done])
      done -> done
    end
  end

  defp dispatch(audience, plan, from, queue, pieces) do
    case Native.audience_dispatch(audience, plan, from, queue) do
      {next, plan, {_, _, _} = done} -> dispatch(audience, plan, next, queue, [done | pieces])
      done -> together([done | pieces])
    end
  end

  # A session has its turn in one piece, but in one for each item if these are dispatched one by one.
  defp together(pieces) do
    {Enum.sum(for {count, _, _} <- pieces, do: count),
     Enum.flat_map(pieces, fn {_, wake, _} -> wake end),
     pieces |> Enum.flat_map(fn {_, _, full} -> full end) |> Enum.uniq()}
  end

  @spec recipients(Native.audience(), Item.t()) :: binary()
  def recipients(audience, item), do: recipients(audience, terms(item), 0, [])

  defp recipients(_audience, _item, nil, pieces), do: IO.iodata_to_binary(pieces)

  defp recipients(audience, item, from, pieces) do
    {next, keys} = Native.audience_recipients(audience, item, from)
    recipients(audience, item, next, [keys | pieces])
  end

  @spec count(Native.audience(), Item.t()) :: non_neg_integer()
  def count(audience, item), do: count(audience, terms(item), 0, 0)

  defp count(_audience, _item, nil, sum), do: sum

  defp count(audience, item, from, sum) do
    {next, count} = Native.audience_count(audience, item, from)
    count(audience, item, next, sum + count)
  end

  @doc "An item as the NIFs read it; nil stands for what is as `Item` has it by itself."
  @spec terms(Item.t()) :: tuple()
  def terms(%Item{
        body: body,
        to: to,
        content: content,
        content_for: content_for,
        author: author,
        author_id: author_id,
        intents: intents,
        permissions: permissions,
        always: always,
        except: except,
        passive?: passive?,
        shard: shard
      }) do
    variants = if content != nil or author != nil, do: {content, content_for, author, author_id}

    filter =
      if permissions == 0 and not passive? and shard == nil,
        do: intents,
        else: {intents, permissions, passive?, shard}

    names = if always != [] or except != [], do: {always, except}
    {to, body, variants, filter, names}
  end
end
