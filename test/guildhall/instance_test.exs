defmodule Guildhall.InstanceTest do
  use ExUnit.Case, async: true

  alias Guildhall.Instance

  test "names the parts of an instance" do
    assert Instance.child(My.Chat, :store) == My.Chat.Store
    assert Instance.child(:chat, :member_list) == :"Elixir.chat.MemberList"
  end

  test "keeps a setting for one instance alone" do
    :ok = Instance.put(__MODULE__.A, :limit, 3)

    assert Instance.get(__MODULE__.A, :limit) == 3
    assert Instance.fetch!(__MODULE__.A, :limit) == 3
    assert Instance.get(__MODULE__.B, :limit, :none) == :none
    assert_raise ArgumentError, fn -> Instance.fetch!(__MODULE__.B, :limit) end

    :ok = Instance.erase(__MODULE__.A, :limit)
    assert Instance.get(__MODULE__.A, :limit) == nil
  end
end
