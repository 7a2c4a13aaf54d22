defmodule Guildhall.Gateway.Subscription do
  @moduledoc false

  # What a user client says of a guild in op 14, or of several in op 37: which member lists it looks at.
  # The rest of it is for services that are not here.

  alias Guildhall.Model.{Limits, Snowflake}
  alias Guildhall.Session.Lists

  # Channels of a guild, and windows of a channel: clients keep to five and three, but those that read a
  # whole list ask for three ranges of four.
  @channels Limits.list_channels()
  @windows Limits.list_windows()
  @window 100
  @last 0xFFFF_FFFF

  @doc "The guilds of op 37, or the one of op 14."
  @spec read(term()) :: {:ok, [{guild_id :: pos_integer(), Lists.wish()}]} | :error
  def read(%{"subscriptions" => %{} = guilds}), do: all(guilds, &guild/1)

  def read(%{"guild_id" => id} = guild) do
    with {:ok, entry} <- guild({id, guild}), do: {:ok, [entry]}
  end

  # Of no guild.
  def read(_data), do: {:ok, []}

  defp guild({id, guild}) do
    with {:ok, id} <- Snowflake.parse(id), {:ok, wish} <- wish(guild), do: {:ok, {id, wish}}
  end

  defp wish(nil), do: {:ok, nil}

  defp wish(%{} = guild) do
    wish = if is_boolean(guild["typing"]), do: %{subscribed?: guild["typing"]}, else: %{}

    case guild["channels"] do
      nil ->
        {:ok, wish}

      channels ->
        with {:ok, channels} <- channels(channels), do: {:ok, Map.put(wish, :channels, channels)}
    end
  end

  defp wish(_other), do: :error

  defp channels(%{} = channels) when map_size(channels) <= @channels do
    with {:ok, channels} <- all(channels, &channel/1), do: {:ok, Map.new(channels)}
  end

  defp channels(_other), do: :error

  defp channel({id, ranges}) when is_list(ranges) and length(ranges) <= @windows do
    with {:ok, id} <- Snowflake.parse(id),
         {:ok, ranges} <- all(ranges, &windows/1),
         windows when length(windows) <= @windows <- Enum.uniq(Enum.concat(ranges)) do
      {:ok, {id, Enum.sort(windows)}}
    else
      _none_or_too_many -> :error
    end
  end

  defp channel(_other), do: :error

  # Those that it begins or ends in, and what is between them.
  defp windows([first, last])
       when is_integer(first) and is_integer(last) and rem(first, @window) == 0 and
              first in 0..@last and last in first..(first + @window * @windows - 1)//1,
       do: {:ok, Enum.to_list(div(first, @window)..div(last, @window))}

  defp windows(_other), do: :error

  defp all(things, read) do
    Enum.reduce_while(things, {:ok, []}, fn thing, {:ok, read_so_far} ->
      case read.(thing) do
        {:ok, value} -> {:cont, {:ok, [value | read_so_far]}}
        :error -> {:halt, :error}
      end
    end)
  end
end
