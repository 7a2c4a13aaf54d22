defmodule Guildhall.RequiredFields do
  @moduledoc false

  # What test/fixtures/required_fields.txt says of an event or an object.

  @table "test/fixtures/required_fields.txt"
  @external_resource @table

  @fields @table
          |> File.read!()
          |> String.split("\n\n", trim: true)
          |> Enum.reject(&String.starts_with?(&1, "#"))
          |> Map.new(fn section ->
            [name | paths] = String.split(section, "\n", trim: true)
            {name, Enum.map(paths, &(&1 |> String.trim() |> String.split(".")))}
          end)

  @doc "The events and objects of the table."
  def names, do: Map.keys(@fields)

  @doc """
  Looks at what a client read (string keys): the fields that are missing, and those that cannot be
  looked for since what they would be in is not there and need not be.
  """
  def check(name, object) do
    found = for path <- Map.fetch!(@fields, name), do: {look(object, path), Enum.join(path, ".")}

    %{
      missing: for({:missing, path} <- found, do: path),
      unseen: for({:unseen, path} <- found, do: path)
    }
  end

  defp look(object, [key]) when is_map(object),
    do: if(is_map_key(object, key), do: :there, else: :missing)

  defp look([first | _rest], ["0" | path]), do: look(first, path)
  defp look([], ["0" | _path]), do: :unseen

  # A field within a missing one is missed where that one is listed itself.
  defp look(object, [key | path]) when is_map(object) do
    case object do
      %{^key => inner} when inner != nil -> look(inner, path)
      %{} -> :unseen
    end
  end

  defp look(_other, _path), do: :missing
end
