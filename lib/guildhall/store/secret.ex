defmodule Guildhall.Store.Secret do
  @moduledoc false

  # Keys that must not be in the database, each in a file that its owner alone may read.

  @bytes 32

  @doc "Returns the secret of that name, made at first use by whoever comes first."
  @spec fetch!(Path.t(), String.t()) :: binary()
  def fetch!(folder, name) do
    unless name =~ ~r/\A[a-z][a-z0-9_]*\z/, do: raise(ArgumentError, "no name: #{inspect(name)}")
    path = Path.join(folder, name <> ".key")

    case File.read(path) do
      {:ok, secret} when byte_size(secret) == @bytes -> secret
      {:ok, _other} -> raise ArgumentError, "#{path} does not hold #{@bytes} bytes"
      {:error, :enoent} -> make!(folder, path)
      {:error, reason} -> raise File.Error, reason: reason, action: "read file", path: path
    end
  end

  # Complete under a name of its own first; the link fails if another was quicker.
  defp make!(folder, path) do
    File.mkdir_p!(folder)
    secret = :crypto.strong_rand_bytes(@bytes)
    beside = "#{path}.#{Base.url_encode64(:crypto.strong_rand_bytes(6))}"

    try do
      File.touch!(beside)
      File.chmod!(beside, 0o600)
      File.write!(beside, secret, [:sync])

      case File.ln(beside, path) do
        :ok -> lasting(secret, folder)
        {:error, :eexist} -> File.read!(path)
        {:error, reason} -> raise File.Error, reason: reason, action: "create", path: path
      end
    after
      File.rm(beside)
    end
  end

  # The name has to last as well. Not every system lets a folder be synced.
  defp lasting(secret, folder) do
    with {:ok, directory} <- :file.open(folder, [:read, :raw, :directory]) do
      :file.sync(directory)
      :file.close(directory)
    end

    secret
  end
end
