defmodule Guildhall.Guild.Sidebar.Class do
  @moduledoc false

  # Channels that the same members see show the same list, and have one id for it. The id that clients
  # know is a hash of 32 bits, so what it is the hash of belongs to the class.

  import Bitwise

  alias Guildhall.MemberList
  alias Guildhall.Model.{Channel, Guild}
  alias Guildhall.Permissions

  @view Permissions.bit(:view_channel)

  @type t :: :everyone | {id :: String.t(), rules :: [{pos_integer(), :allow | :deny}]}

  @doc "The class of a channel; a thread has its parent's."
  @spec of(Guild.t(), Channel.t()) :: t()
  def of(guild, %Channel{type: type, parent_id: parent} = channel) when type in 10..12 do
    of(guild, %{Map.get(guild.channels, parent, channel) | type: 0})
  end

  def of(%Guild{id: guild_id, roles: roles}, %Channel{overwrites: overwrites}) do
    %{^guild_id => %{permissions: everyone}} = roles
    denied? = Enum.any?(overwrites, fn {_id, %{deny: deny}} -> (deny &&& @view) != 0 end)

    if (everyone &&& @view) != 0 and not denied? do
      :everyone
    else
      rules = Enum.sort(for {id, overwrite} <- overwrites, rule = rule(overwrite), do: {id, rule})
      {MemberList.id(false, rules), rules}
    end
  end

  # What allows and denies allows: at each step of the algorithm that comes last.
  defp rule(%{allow: allow}) when (allow &&& @view) != 0, do: :allow
  defp rule(%{deny: deny}) when (deny &&& @view) != 0, do: :deny
  defp rule(_overwrite), do: nil

  @doc "The id of its list."
  @spec id(t()) :: String.t()
  def id(:everyone), do: "everyone"
  def id({id, _rules}), do: id
end
