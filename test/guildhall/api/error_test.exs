defmodule Guildhall.Api.ErrorTest do
  use ExUnit.Case, async: true

  alias Guildhall.Api.Error

  test "no two reasons have the same code, but for 0" do
    codes = for {_name, _status, code, _message} <- Error.all(), code != 0, do: code
    assert codes == Enum.uniq(codes)
  end

  test "every reason of the table can be rendered" do
    for {name, status, code, message} <- Error.all(),
        name not in [:slowmode, :throttled, :invalid] do
      assert Error.render(name) == {status, %{code: code, message: message}}
      assert Error.name(name) == name
    end
  end

  test "a form error shows its tree" do
    tree = %{
      "content" => %{_errors: [%{code: "BASE_TYPE_REQUIRED", message: "This field is required"}]}
    }

    assert {400, %{code: 50_035, message: "Invalid Form Body", errors: ^tree}} =
             Error.render({:invalid, tree})
  end

  test "a throttled guild says when to come back" do
    assert {429, %{code: 0, retry_after: 0.25, global: false}} = Error.render({:throttled, 250})
  end

  test "slowmode says when to come back" do
    assert {429, %{code: 20_016, retry_after: 1.5, global: false}} =
             Error.render({:slowmode, 1_500})
  end
end
