defmodule Guildhall.Api.MultipartTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Api.Multipart

  @boundary "xYz"

  defp part(disposition, body, headers \\ "") do
    "--#{@boundary}\r\nContent-Disposition: form-data; #{disposition}\r\n#{headers}\r\n#{body}\r\n"
  end

  defp form(parts), do: Enum.join(parts) <> "--#{@boundary}--\r\n"

  test "finds the boundary, quoted or not" do
    assert Multipart.boundary("multipart/form-data; boundary=abc") == {:ok, "abc"}

    assert Multipart.boundary(~s(multipart/form-data; charset=utf-8; boundary="a b")) ==
             {:ok, "a b"}

    assert Multipart.boundary("multipart/form-data") == :error
    assert Multipart.boundary("multipart/form-data; boundary=") == :error
  end

  test "tells fields from files" do
    body =
      form([
        part(~s(name="payload_json"), "{}", "Content-Type: application/json\r\n"),
        part(~s(name="files[0]"; filename="a.txt"), "one\r\ntwo", "Content-Type: text/plain\r\n"),
        part(~s(name="files[1]"; filename="b"), "")
      ])

    assert {:ok, {[{"payload_json", "{}"}], [one, two]}} = Multipart.parse(body, @boundary)

    assert one == %{
             field: "files[0]",
             filename: "a.txt",
             content_type: "text/plain",
             bytes: "one\r\ntwo"
           }

    assert %{field: "files[1]", filename: "b", content_type: nil, bytes: ""} = two
  end

  test "reads the names that clients write" do
    for {disposition, name} <- [
          {~S(name="f"; filename="a \"b\".txt"), ~S(a "b".txt)},
          {~s(name="f"; filename="a%22b.txt"), ~s(a"b.txt)},
          {~s(name=f; filename=plain.txt), "plain.txt"},
          {~s(name="f"; filename="snöw☃.txt"), "snöw☃.txt"},
          {~s(name="f"; filename="x"; filename*=utf-8''sn%C3%B6w.txt), "snöw.txt"},
          {~s(NAME="f"; FILENAME="up.txt"), "up.txt"}
        ] do
      assert {:ok, {[], [%{field: "f", filename: ^name}]}} =
               Multipart.parse(form([part(disposition, "x")]), @boundary)
    end
  end

  test "refuses what is no form" do
    whole = form([part(~s(name="a"), "1")])

    for body <- [
          "",
          "nothing of the kind",
          binary_part(whole, 0, byte_size(whole) - 6),
          "--#{@boundary}\r\nno headers at all\r\n--#{@boundary}--",
          form([part(~s(filename="nameless"), "1")]),
          form(List.duplicate(part(~s(name="a"), "1"), 33)),
          form([part(~s(name="a"), "1", "X: #{String.duplicate("x", 5_000)}\r\n")])
        ] do
      assert Multipart.parse(body, @boundary) == {:error, :malformed}
    end
  end

  property "gives back the bytes of every file" do
    forall files <- list(binary()) do
      files = Enum.take(files, 32)
      parts = for bytes <- files, do: part(~s(name="f"; filename="x"), bytes)

      # A form's author picks a boundary that is in none of the files.
      unless Enum.any?(files, &String.contains?(&1, @boundary)) do
        assert {:ok, {[], found}} = Multipart.parse(form(parts), @boundary)
        assert Enum.map(found, & &1.bytes) == files
      end
    end
  end

  property "never raises" do
    forall {head, tail} <- {binary(), binary()} do
      result = Multipart.parse(head <> "--#{@boundary}\r\n" <> tail, @boundary)
      assert match?({:ok, _form}, result) or result == {:error, :malformed}
    end
  end
end
