# %% setup
python -c "
from sklearn.datasets import load_wine
table = load_wine(as_frame=True).frame
table['kind'] = ['ABC'[i] for i in table.pop('target')]
table.insert(0, 'bottle', [f'w{i:03}' for i in range(len(table))])
table[::3].to_csv('later.csv', index=False)
table.drop(table.index[::3]).to_csv('wine.csv', index=False)"

# %% data
head -3 wine.csv | cut -c 1-70

# %% first
sksubspace validate wine.csv

# %% validate
sksubspace validate wine.csv --label kind --id bottle --scale standard \
  --teachers pca tsne --grid tsne.perplexity=10,30 --cv 3 --out wine

# %% files
ls wine

# %% transform
sksubspace transform wine/best.skops later.csv --output places.csv

head -3 places.csv

# %% shift
sksubspace shift wine/best.skops later.csv
