defmodule Guildhall.User.AccountTest do
  use ExUnit.Case, async: true

  alias Guildhall.User.Account

  test "a token is not shown to who looks at an account" do
    account = %Account{user: nil, kind: :bot, generation: 1, token: "a secret"}
    assert inspect(account) =~ "generation: 1"
    refute inspect(account) =~ "a secret"
  end
end
