defmodule Guildhall.Api.RouterTest do
  use ExUnit.Case, async: true

  defmodule Actions do
    def first(_call), do: :no_content
    def second(_call), do: :no_content
  end

  defmodule Table do
    use Guildhall.Api.Router, [
      {"GET", "/things/@me", &Actions.first/1, auth: :none, limit: {5, 2_000}},
      {"GET", "/things/{thing_id}", &Actions.second/1},
      {"PUT", "/things/{thing_id}", &Actions.first/1, bucket: "things"},
      {"DELETE", "/channels/{channel_id}/things/{name}", &Actions.first/1, bucket: "things"}
    ]
  end

  test "a name stands before a parameter" do
    assert {:ok, %{action: action, auth: :none, limit: {5, 2_000}}, []} =
             Table.match("GET", ["things", "@me"])

    assert action == (&Actions.first/1)

    assert {:ok, %{auth: :user}, [thing_id: "12"]} = Table.match("GET", ["things", "12"])
  end

  test "parameters come by name" do
    assert {:ok, route, [channel_id: "1", name: "a/b"]} =
             Table.match("DELETE", ["channels", "1", "things", "a/b"])

    assert route.path == "/channels/{channel_id}/things/{name}"
    assert route.major == :channel_id
  end

  test "a known path answers an unknown method with what it knows" do
    assert Table.match("POST", ["things", "1"]) == {:error, {:method_not_allowed, ["GET", "PUT"]}}
  end

  test "an unknown path is one" do
    for segments <- [[], ["things"], ["things", "1", "2"], ["channels", "1", "things"]] do
      assert Table.match("GET", segments) == {:error, :unknown_route}
    end
  end

  test "routes share a bucket where the table says so, and say nothing by its name" do
    [first, second, put, delete] = Table.all()
    assert put.bucket == delete.bucket
    assert length(Enum.uniq([first.bucket, second.bucket, put.bucket])) == 3
    assert put.bucket =~ ~r/^[0-9a-f]{16}$/
  end
end
